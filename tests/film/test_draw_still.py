"""A still has a row for each image, and a column for each of some snapshots."""

from __future__ import annotations

import pytest
import torch

from camaug.film import draw_panel
from camaug.film.draw_panel import draw_overlay, scaled_image
from camaug.film.draw_still import draw_still, spread_snapshots
from camaug.film.film_style import FilmStyle
from camaug.images.theme import WHITE
from tests.tensorboard.conftest import SIZE, make_snapshot, write_run

STYLE = FilmStyle(size=SIZE, theme=WHITE)
GAP = 4


def test_the_image_is_beside_its_overlays_in_the_snapshots(run, read_film):
    film = read_film(run, [0, 30])
    still = draw_still(film, [0, 2], STYLE)
    assert still.shape[2] == 3 * SIZE + 2 * GAP
    row_height = (still.shape[1] - GAP) // 2
    for history, top in zip(film.histories, (0, row_height + GAP), strict=True):
        image = scaled_image(history.image, SIZE)
        cells = still[:, top : top + SIZE].split(SIZE + GAP, dim=2)
        assert torch.equal(cells[0][..., :SIZE], image)
        for cell, number in zip(cells[1:], (0, 2), strict=True):
            expected = draw_overlay(image, history.snapshots[number].predicted_map, "viridis")
            assert torch.equal(cell[..., :SIZE], expected)


@pytest.mark.parametrize(
    ("position", "moments"),
    [(None, ["epoch 0", "epoch 1"]), (lambda number: (0, 5 * number), ["step 0", "step 5"])],
)
def test_each_snapshot_has_its_epoch_or_where_epochs_have_several_its_step(
    position, moments, tmp_path, read_film, monkeypatch
):
    write_run(tmp_path / "run", [make_snapshot(0), make_snapshot(1)], position=position)
    written = []
    original = draw_panel.caption
    monkeypatch.setattr(
        draw_panel, "caption", lambda image, lines, **rest: written.append(lines[1]) or original(image, lines, **rest)
    )
    draw_still(read_film(tmp_path / "run", [10]), [0, 1], STYLE)
    assert written == ["image 10", *moments]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [9]), (2, [0, 9]), (3, [0, 4, 9]), (10, list(range(10))), (99, list(range(10)))]
)
def test_snapshots_are_spread_from_the_first_to_the_last(count, expected):
    assert spread_snapshots(range(10), count) == expected
