"""Colours of 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camaug.images.deep_colours import is_deep, read_deep_colours
from tests.images.deep_files import ramp, write_png16


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_every_bit_of_a_png_is_read(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    path = write_png16(tmp_path / "x.png", pixels)
    with Image.open(path) as image:
        assert is_deep(image)
        expected = pixels[..., :1].repeat(3, axis=2) if channels == 2 else pixels[..., :3]
        colours = read_deep_colours(path, image)
    assert np.array_equal(colours.values, expected)
    if channels == 3:
        assert colours.opacity is None
    else:
        assert np.array_equal(colours.opacity, pixels[..., -1] >> 8)


def test_other_images_are_none_of_these(tmp_path):
    for pixels, deep in ((ramp(65535), True), (np.zeros((4, 4, 3), np.uint8), False)):
        Image.fromarray(pixels).save(tmp_path / "x.png")
        with Image.open(tmp_path / "x.png") as image:
            assert read_deep_colours(tmp_path / "x.png", image) is None
            assert is_deep(image) == deep
    assert not is_deep(Image.new("RGB", (2, 2)))
