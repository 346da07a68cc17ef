"""Pixels."""

from __future__ import annotations

import pytest
import torch

from camaug.images import render
from camaug.images.render import COLORMAPS, caption, colorize, enlarge, grid, overlay, row
from camaug.images.theme import DARK, WHITE

BACKGROUND = torch.tensor([24, 24, 28]).view(3, 1, 1) / 255


@pytest.mark.parametrize("name", COLORMAPS)
def test_colour_stops_are_exact_and_between_them_it_is_linear(name):
    stops = torch.tensor([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in COLORMAPS[name]]) / 255
    count = len(stops)
    image = colorize(torch.linspace(0, 1, count).view(1, 1, count), name)
    torch.testing.assert_close(image[0, :, 0].T, stops, rtol=0, atol=1e-6)
    between = colorize((torch.arange(count - 1) + 0.25).view(1, 1, -1) / (count - 1), name)
    torch.testing.assert_close(between[0, :, 0].T, 0.75 * stops[:-1] + 0.25 * stops[1:], rtol=0, atol=1e-5)


def test_jet_goes_from_blue_by_green_to_red():
    cold, middle, hot = colorize(torch.tensor([[[0.0, 0.5, 1.0]]]), "jet")[0, :, 0].T
    assert cold.argmax() == 2
    assert middle.argmax() == 1
    assert hot.argmax() == 0


def test_colours_beyond_the_range_are_those_of_its_ends():
    image = colorize(torch.tensor([[[-3.0, 0.0, 1.0, 7.0]]]))
    assert torch.equal(image[..., 0], image[..., 1])
    assert torch.equal(image[..., 2], image[..., 3])


def test_each_pixel_is_painted_where_it_is():
    maps = torch.rand(2, 3, 5)
    assert torch.equal(colorize(maps, "gray"), maps[:, None].expand(2, 3, 3, 5))


def test_unknown_colour_map():
    for paint in (lambda: colorize(torch.rand(1, 2, 2), "heat"), lambda: overlay(IMAGES, MAPS, "heat")):
        with pytest.raises(ValueError, match=r"unknown colour map 'heat', .*expected one of inferno, .*jet, gray"):
            paint()


IMAGES, MAPS = torch.rand(2, 3, 6, 8), torch.rand(2, 6, 8)


def test_overlay():
    assert torch.equal(overlay(IMAGES, MAPS, strength=0), IMAGES)
    assert torch.equal(overlay(IMAGES, MAPS, "jet", strength=1), colorize(MAPS, "jet"))
    expected = 0.75 * IMAGES + 0.25 * MAPS[:, None]
    torch.testing.assert_close(overlay(IMAGES, MAPS, "gray", strength=0.25), expected)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_wrong_strength(strength):
    with pytest.raises(ValueError, match=f"`strength` must be between 0 and 1, got {strength}"):
        overlay(IMAGES, MAPS, strength=strength)


# Images to images


def test_enlarge():
    small = torch.rand(1, 3, 10, 20)
    assert enlarge(small, 10) is small
    assert enlarge(small, 5) is small
    assert enlarge(small, 25).shape == (1, 3, 30, 60)
    contrast = enlarge((small > 0.5).float(), 100)
    assert contrast.min() >= 0
    assert contrast.max() <= 1


# Captions


def text_of(image: torch.Tensor, height: int = 20) -> torch.Tensor:
    return image[:, height:]


@pytest.fixture
def image():
    return torch.rand(3, 20, 120)


def test_caption_height_depends_on_the_number_of_lines_only(image):
    heights = {caption(image, [text]).shape[1] for text in ("", "a", "Ägyptjq|", "x" * 300, "\n\n\n", "日本語")}
    assert len(heights) == 1
    one, two, three = (caption(image, ["x"] * count).shape[1] for count in (1, 2, 3))
    assert two - one == three - two > 0


def test_caption_does_not_change_the_image(image):
    labelled = caption(image, ["cat 97 %"])
    assert torch.equal(labelled[:, :20], image)
    assert labelled.shape[2] == 120
    text = text_of(labelled)
    assert (text.amax(dim=0) > 0.8).sum() > 20, "no letters"
    assert torch.equal(text_of(caption(image, [""])), BACKGROUND.expand_as(text))


def test_caption_lines_are_below_each_other(image):
    text = text_of(caption(image, ["", "mm"]))
    half = text.shape[1] // 2
    assert torch.equal(text[:, :half], BACKGROUND.expand_as(text[:, :half]))
    assert (text[:, half:].amax(dim=0) > 0.8).any()


def test_caption_control_characters_become_spaces(image):
    clean = caption(image, ["a b  c"])
    assert torch.equal(caption(image, ["a\nb\x00\x1bc"]), clean)
    assert torch.equal(caption(image, ["a\tb\u202e\u200bc"]), clean)


def test_caption_long_text_is_cut(image):
    text = text_of(caption(image, ["m" * 200]))
    margin = text[:, :, -4:]
    assert torch.equal(margin, BACKGROUND.expand_as(margin))
    longer = text_of(caption(image, ["m" * 200 + "and more"]))
    assert torch.equal(text, longer)
    fits = text_of(caption(image, ["mmm"]))
    assert not torch.equal(text, fits)


def test_caption_cut_text_ends_with_an_ellipsis(monkeypatch, image):
    drawn = []
    original = render.ImageDraw.ImageDraw.text

    def note(self, place, text, **settings):
        drawn.append(text)
        return original(self, place, text, **settings)

    monkeypatch.setattr(render.ImageDraw.ImageDraw, "text", note)
    caption(image, ["short", "abcdefghijklmnopqrstuvwxyz" * 4])
    caption(image[:, :, :9], ["nothing fits"])
    assert drawn[0] == "short"
    assert drawn[1].endswith("…")
    assert "abcdefghijklmnopqrstuvwxyz".startswith(drawn[1][:-1])
    assert 5 < len(drawn[1]) < 27
    assert drawn[2] == "…"


def test_caption_mark(image):
    text = text_of(caption(image, ["x"], mark=(255, 0, 51)))
    assert torch.equal(text[:, :, :4], torch.tensor([1, 0, 0.2]).view(3, 1, 1).expand_as(text[:, :, :4]))
    assert torch.equal(text[:, :, 4], BACKGROUND[:, 0].expand_as(text[:, :, 4]))


def test_caption_symbols_differ_in_their_shape_and_have_the_marks_colour(image):
    shapes = []
    for symbol in ("tick", "cross"):
        text = text_of(caption(image, ["", ""], mark=(255, 0, 51), symbol=symbol))[:, :, 6:]
        shapes.append((text[0] > 0.9) & (text[1] < 0.1))
        assert not shapes[-1][text.shape[1] // 2 + 2 :].any(), "it is in the first line"
    assert min(shape.sum() for shape in shapes) > 10
    assert (shapes[0] != shapes[1]).sum() > 10


def test_caption_symbol_moves_the_first_line_only(image):
    plain, marked = (text_of(caption(image, ["mm", "mm"], symbol=symbol)) for symbol in (None, "cross"))
    half = plain.shape[1] // 2
    assert torch.equal(plain[:, half:], marked[:, half:])
    assert not torch.equal(plain[:, :half], marked[:, :half])


# Rows and grids


@pytest.mark.parametrize("theme", [DARK, WHITE])
def test_the_theme_is_around_images_and_behind_text(theme):
    colour = torch.tensor(theme.background).view(3, 1, 1) / 255
    cell = caption(torch.rand(3, 5, 30), ["mm"], theme=theme)
    assert torch.equal(cell[:, -1:, -1:], colour)
    assert (cell[:, 5:] - torch.tensor(theme.text).view(3, 1, 1) / 255).abs().amax(dim=0).min() < 0.05
    whole = grid([cell] * 3, 2, theme=theme)
    assert torch.equal(whole[:, :, 30:34], colour.expand_as(whole[:, :, 30:34]))
    assert torch.equal(whole[:, -5:, -5:], colour.expand(3, 5, 5))


def test_row():
    a, b = torch.rand(3, 5, 4), torch.rand(3, 5, 7)
    joined = row([a, b])
    assert joined.shape == (3, 5, 4 + 4 + 7)
    assert torch.equal(joined[:, :, :4], a)
    assert torch.equal(joined[:, :, 4:8], BACKGROUND.expand(3, 5, 4))
    assert torch.equal(joined[:, :, 8:], b)
    assert torch.equal(row([a]), a)


@pytest.mark.parametrize(
    ("count", "columns", "expected"), [(1, None, 1), (4, None, 2), (5, None, 3), (5, 2, 2), (3, 4, 4)]
)
def test_grid(count, columns, expected):
    images = list(torch.rand(count, 3, 5, 6))
    whole = grid(images, columns)
    lines = -(-count // expected)
    assert whole.shape == (3, 5 * lines + 4 * (lines - 1), 6 * expected + 4 * (expected - 1))
    for index in range(lines * expected):
        top, left = 9 * (index // expected), 10 * (index % expected)
        cell = whole[:, top : top + 5, left : left + 6]
        assert torch.equal(cell, images[index] if index < count else BACKGROUND.expand_as(cell))
