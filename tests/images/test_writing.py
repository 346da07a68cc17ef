from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from camaug.images.writing import as_pil, jpeg_bytes, png_bytes


@pytest.fixture
def image():
    return torch.rand(3, 10, 20)


def test_pixels_are_rounded_and_clamped():
    pixels = as_pil(torch.tensor([0.5, -1.0, 2.0]).view(3, 1, 1)).getpixel((0, 0))
    assert pixels == (128, 0, 255)


def test_png_keeps_every_pixel(image):
    decoded = Image.open(io.BytesIO(png_bytes(image)))
    assert decoded.format == "PNG"
    assert decoded.tobytes() == as_pil(image).tobytes()


@pytest.mark.parametrize(("largest_side", "size"), [(None, (20, 10)), (8, (8, 4)), (99, (20, 10))])
def test_jpeg_is_shrunk_but_never_enlarged(image, largest_side, size):
    decoded = Image.open(io.BytesIO(jpeg_bytes(image, largest_side=largest_side)))
    assert (decoded.format, decoded.size) == ("JPEG", size)
