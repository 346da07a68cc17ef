"""Transparent images are read on white, in every mode and from every file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from camaug.datamodules import PhotoFolder
from camaug.images.loading import load_image
from camaug.images.over_white import over_white, pixels_over_white
from camaug.images.to_rgb import ToRGB
from camaug.single_image.explain import explain
from tests.images.deep_files import write_png16

COLOURS = [(10, 20, 30, 0), (10, 20, 30, 128), (10, 20, 30, 255)]
ON_WHITE = [(255, 255, 255), (132, 137, 142), (10, 20, 30)]  # 255 + (10 - 255) * 128 / 255 = 132.0


def icon(mode: str = "RGBA") -> Image.Image:
    """Return three pixels that are transparent, half transparent and opaque."""
    image = Image.new("RGBA", (3, 1))
    image.putdata(COLOURS)
    return image.convert(mode)


def pixels(image: Image.Image) -> list[tuple[int, ...]]:
    return [tuple(each) for each in np.asarray(image)[0].tolist()]


@pytest.mark.parametrize("convert", [over_white, ToRGB()])
@pytest.mark.parametrize("mode", ["RGBA", "RGBa"])
def test_colours(mode, convert):
    image = convert(icon(mode))
    assert image.mode == "RGB"
    assert np.abs(np.array(pixels(image)) - ON_WHITE).max() <= (mode == "RGBa")  # premultiplied values are rounded


@pytest.mark.parametrize("convert", [over_white, ToRGB()])
@pytest.mark.parametrize("mode", ["LA", "La", "PA"])
def test_grey_and_palettes(mode, convert):
    image = Image.new("LA", (3, 1))
    image.putdata([(40, 0), (40, 128), (40, 255)])
    if mode == "PA":
        image = Image.merge("PA", (Image.new("P", (3, 1), 1), image.getchannel("A")))
        image.putpalette([0, 0, 0, 40, 40, 40])
    else:
        image = image.convert(mode)
    assert np.abs(np.array(pixels(convert(image))) - [[255] * 3, [147] * 3, [40] * 3]).max() <= (mode == "La")


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_palette_with_a_transparent_colour(transparency, suffix, tmp_path):
    if suffix == ".gif" and transparency != 0:
        pytest.skip("a GIF has one transparent colour")
    image = Image.new("P", (3, 1), 1)
    image.putpixel((0, 0), 0)
    image.putpalette([1, 2, 3, 10, 20, 30])
    image.save(tmp_path / f"x{suffix}", transparency=transparency)
    assert pixels(load_image(tmp_path / f"x{suffix}")) == [(255, 255, 255), (10, 20, 30), (10, 20, 30)]


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7))])
def test_a_colour_that_a_png_declares_transparent(mode, key, tmp_path):
    image = Image.new(mode, (3, 1), 50 if mode == "L" else (50, 50, 50))
    image.putpixel((1, 0), key)
    image.save(tmp_path / "x.png", transparency=key)
    assert pixels(load_image(tmp_path / "x.png")) == [(50, 50, 50), (255, 255, 255), (50, 50, 50)]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_files(suffix, tmp_path):
    icon().save(tmp_path / f"x{suffix}", **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    assert pixels(load_image(tmp_path / f"x{suffix}")) == ON_WHITE


@pytest.mark.parametrize("value_range", [None, (0, 65535)])
@pytest.mark.parametrize("channels", [2, 4])
def test_16_bits(channels, value_range, tmp_path):
    values = np.array([[0, 0, 0], [0, 128, 255]]).T[None] * 257  # black, of three opacities
    values = values[..., [0] * (channels - 1) + [1]].astype(np.uint16)
    image = load_image(write_png16(tmp_path / "x.png", values), value_range)
    assert pixels(image) == [(255,) * 3, (127,) * 3, (0,) * 3]


def test_predict_and_explain_read_as_training_does(net, tmp_path):
    image = icon().resize((8, 8), Image.Resampling.NEAREST)
    image.save(tmp_path / "x.png")
    photos = PhotoFolder(str(tmp_path), num_workers=0, transform=v2.PILToTensor())
    (photo,) = next(iter(photos.predict_dataloader())).images
    assert photo[:, 0, 0].tolist() == [255, 255, 255]
    to_floats = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    for given in (tmp_path / "x.png", image, np.array(image), torch.tensor(np.array(image)).permute(2, 0, 1)):
        explained = explain(net, given, "grad-cam", transform=to_floats)
        torch.testing.assert_close(explained.image, photo / 255)


def test_an_opaque_image_keeps_its_values():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8))
    assert np.array_equal(over_white(image), image)
    assert np.array_equal(over_white(image.convert("RGBA")), image)
    values, opaque = np.asarray(image), np.full((4, 4), 255)
    assert np.array_equal(pixels_over_white(values, opaque), values)
