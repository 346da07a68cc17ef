"""A frame has every image, its heatmaps, and the progress of the run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug.film.draw_frame import BAR_HEIGHT, MARGIN, _count_columns, draw_frame
from camaug.film.draw_panel import draw_overlay, original_panel, scaled_image
from camaug.film.film_style import FilmStyle
from camaug.images.theme import DARK, WHITE
from tests.tensorboard.conftest import SIZE

STYLE = FilmStyle(size=SIZE)
GAP = 4


def without_mistakes(film):
    histories = [
        replace(
            history,
            snapshots=[replace(snapshot, is_correct=True, true_map=None) for snapshot in history.snapshots],
        )
        for history in film.histories
    ]
    return replace(film, histories=histories)


def test_the_original_is_beside_the_overlays_of_the_predicted_and_the_true_class(run, read_film):
    film = read_film(run, [0])
    (history,) = film.histories
    image = scaled_image(history.image, SIZE)
    frames = [draw_frame(film, number, STYLE) for number in range(3)]
    assert len({frame.shape for frame in frames}) == 1
    for frame, snapshot in zip(frames, history.snapshots, strict=True):
        panels = frame[:, MARGIN : MARGIN + SIZE, MARGIN:].split(SIZE + GAP, dim=2)
        assert torch.equal(panels[0][..., :SIZE], image)
        assert torch.equal(panels[1][..., :SIZE], draw_overlay(image, snapshot.predicted_map, "viridis"))
        if snapshot.is_correct is False:
            assert torch.equal(panels[2][..., :SIZE], draw_overlay(image, snapshot.true_map, "viridis"))


def test_a_film_without_mistakes_has_no_place_for_the_true_class(run, read_film):
    film = read_film(run, [0])
    assert film.has_true_maps
    wide, narrow = draw_frame(film, 0, STYLE), draw_frame(without_mistakes(film), 0, STYLE)
    assert wide.shape[2] - narrow.shape[2] == SIZE + GAP


def test_the_bar_grows_with_the_steps(run, read_film):
    film = read_film(run, [0])
    filled = []
    for number in range(3):
        frame = draw_frame(film, number, STYLE)
        cell_height = original_panel(
            film.histories[0], scaled_image(film.histories[0].image, SIZE), (SIZE, SIZE), STYLE
        ).shape[1]
        bar = frame[:, cell_height + 2 * MARGIN :][:, :BAR_HEIGHT]
        is_text = (bar == torch.tensor(DARK.text).view(3, 1, 1) / 255).all(dim=0)
        assert torch.equal(is_text, is_text[:1].expand_as(is_text))
        filled.append(float(is_text.float().mean()))
    assert filled == pytest.approx([1 / 3, 2 / 3, 1], abs=0.01)


def test_several_images_make_a_grid(run, read_film):
    one, four = (draw_frame(read_film(run, probes), 0, STYLE) for probes in ([0], [0, 10, 20, 30]))
    assert four.shape[2] == 2 * one.shape[2] + GAP


@pytest.mark.parametrize(
    ("count", "ratio", "columns"),
    [(1, 2.0, 1), (2, 2.0, 1), (4, 2.0, 2), (12, 1.5, 4), (5, 0.8, 3)],
)
def test_the_cells_of_a_grid_are_as_large_as_a_slide_allows(count, ratio, columns):
    assert _count_columns(count, ratio) == columns


def test_the_background_is_the_themes(run, read_film):
    film = read_film(run, [0])
    for theme in (DARK, WHITE):
        frame = draw_frame(film, 0, FilmStyle(size=SIZE, theme=theme))
        assert (frame[:, 0, 0] * 255).round().tolist() == list(theme.background)
