"""Overlays have the pixels of the tab, and captions what the image was predicted as."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from camaug.film import draw_panel
from camaug.film.draw_panel import common_box, draw_overlay, on_canvas, predicted_panel, scaled_image, true_panel
from camaug.film.film_style import FilmStyle
from camaug.images.render import background
from camaug.images.theme import DARK, WHITE
from tests.tensorboard.conftest import SIZE, make_snapshot

STYLE = FilmStyle(size=SIZE)
BOX = (SIZE, SIZE)


@pytest.fixture
def captions(monkeypatch):
    """Return the list of all captions that are written: their lines and their symbol."""
    written = []
    original = draw_panel.caption

    def record(image, lines, **options):
        written.append((*lines, options.get("symbol")))
        return original(image, lines, **options)

    monkeypatch.setattr(draw_panel, "caption", record)
    return written


def test_an_overlay_is_the_image_with_the_explainers_map_within_a_255th(run, read_film):
    (history,) = read_film(run, [10]).histories
    image = scaled_image(history.image, SIZE)
    for epoch, snapshot in enumerate(history.snapshots):
        drawn = draw_overlay(image, snapshot.predicted_map, "gray")
        map_ = (drawn - 0.4 * image) / 0.6
        expected = make_snapshot(epoch).maps[1].expand(3, -1, -1)
        torch.testing.assert_close(map_, expected, rtol=0, atol=1.5 / 255)  # half a step more for its 256 colours


def test_an_image_is_scaled_to_its_longer_side_and_keeps_its_ratio():
    image = Image.effect_noise((30, 20), 60).convert("RGB")
    assert scaled_image(image, 60).shape == (3, 40, 60)
    assert scaled_image(image, 15).shape == (3, 10, 15)
    same = scaled_image(image, 30)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(20, 30, 3)
    assert torch.equal((same * 255).round().byte().permute(1, 2, 0), pixels)
    assert scaled_image(Image.new("RGB", (900, 1)), 64).shape == (3, 1, 64)


def test_images_of_several_shapes_share_a_box_in_whose_middle_they_are():
    wide, high = torch.ones(3, 2, 6), torch.ones(3, 4, 2)
    assert common_box([wide, high]) == (4, 6)
    placed = on_canvas(high, 4, 6, WHITE._replace(background=(0, 0, 0)))
    assert placed[0].tolist() == [[0, 0, 1, 1, 0, 0]] * 4


def test_a_prediction_is_right_wrong_or_without_a_label_by_words_and_by_a_symbol(run, read_film, captions):
    film = read_film(run, [0, 10, 20, 30])
    for history in film.histories:
        image = scaled_image(history.image, SIZE)
        for snapshot in history.snapshots:
            captions.clear()
            panel = predicted_panel(snapshot, image, BOX, STYLE)
            words, symbol = {
                True: ("predicted, right", "tick"),
                False: ("predicted, wrong", "cross"),
                None: ("predicted", None),
            }[snapshot.is_correct]
            assert captions == [(f"{100 * snapshot.confidence:.0f} % {snapshot.predicted_name}", words, symbol)]
            overlay = draw_overlay(image, snapshot.predicted_map, STYLE.colormap)
            assert torch.equal(panel[:, :SIZE], overlay)
            other = true_panel(snapshot, image, BOX, STYLE)
            assert other.shape == panel.shape
            is_empty = torch.equal(other[:, :SIZE], background(SIZE, SIZE, DARK))
            assert is_empty == (snapshot.is_correct is not False)


def test_the_true_class_has_its_name_and_confidence(run, read_film, captions):
    (history,) = read_film(run, [0]).histories
    wrong = next(snapshot for snapshot in history.snapshots if snapshot.is_correct is False)
    true_panel(wrong, scaled_image(history.image, SIZE), BOX, STYLE)
    assert captions == [(f"{100 * wrong.true_confidence:.0f} % ant", "true class", None)]


def test_an_image_that_is_not_in_a_snapshot_has_a_panel_that_tells(run, read_film, captions):
    (history,) = read_film(run, [0]).histories
    image = scaled_image(history.image, SIZE)
    panel = predicted_panel(None, image, BOX, STYLE)
    assert captions == [("not logged", "", None)]
    assert torch.equal(panel[:, :SIZE], background(SIZE, SIZE, DARK))
    assert true_panel(None, image, BOX, STYLE).shape == panel.shape
