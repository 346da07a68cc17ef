"""Plots of curves."""

from __future__ import annotations

from camaug.experiments import Curves
from camaug.experiments.plot_curves import plot_curves


def test_a_plot_draws_each_line_in_a_colour_of_its_own():
    lines = {str(number): ([0.0, 1.0], [float(number), float(number)]) for number in range(3)}
    image = plot_curves(Curves("c", "x", "y", lines))
    assert image.shape[2] == 900
    colours = {tuple(pixel) for pixel in (image * 255).round().int().flatten(1).T.tolist()}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)} <= colours
    fewer = plot_curves(Curves("c", "x", "y", {"0": lines["0"]}))
    assert (0xD5, 0x5E, 0x00) not in {tuple(p) for p in (fewer * 255).round().int().flatten(1).T.tolist()}
