"""The colours of the tab can be read in light and dark, and told apart by colour-blind readers."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from camaug.tensorboard.static_files import static_file

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
SERIES = [f"series-{number}" for number in range(7)]
DISTINCT = 7  # CIELAB distance; about 2 is just noticeable side by side


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of the themes by name."""
    styles = static_file("styles.js").decode()
    blocks = dict(
        zip(("light", "dark"), re.findall(r"\n\.camaug[^\n]*\{\n(  --.*?)\n\}", styles, re.DOTALL), strict=False)
    )
    return {theme: dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for theme, block in blocks.items()}


def linear_rgb(colour: str) -> np.ndarray:
    values = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen_lab(colour: str, vision: str) -> np.ndarray:
    """Return the colour as a reader of this vision sees it, in CIELAB."""
    xyz = TO_XYZ @ (VISION[vision] @ linear_rgb(colour)).clip(0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, vision: str) -> float:
    return float(np.linalg.norm(seen_lab(first, vision) - seen_lab(second, vision)))


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted(float(TO_XYZ[1] @ linear_rgb(colour)) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def test_the_measures_are_those_of_the_standards():
    assert contrast("#ffffff", "#000000") == pytest.approx(21, abs=0.01)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert distance("#ffffff", "#000000", "normal") == pytest.approx(100, abs=0.1)
    assert distance("#d00000", "#6b6b00", "protanopia") < distance("#d00000", "#6b6b00", "normal") / 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_and_curves_stand_out_from_their_background(theme):
    colours = palettes()[theme]
    for background in ("background", "surface"):
        for name in ("text", "secondary", "accent", "correct", "wrong", *SERIES):
            needed = 3 if name in SERIES else 4.5
            assert contrast(colours[name], colours[background]) >= needed, (name, background)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_told_apart(theme, vision):
    colours = palettes()[theme]
    distances = {
        (first, second): distance(colours[first], colours[second], vision)
        for first, second in [*itertools.combinations(SERIES, 2), ("correct", "wrong")]
    }
    close = {pair: round(value, 1) for pair, value in distances.items() if value < DISTINCT}
    assert close == {}
