"""Images of every mode and orientation load as upright RGB images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camaug.images.loading import load_image


def test_exif_orientation_is_applied(tmp_path):
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10] = 255  # white to the left of the file, and so on top of the image
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    upright = np.asarray(load_image(tmp_path / "turned.jpg"))
    assert upright.shape == (40, 20, 3)
    assert upright[:8].mean() > 250
    assert upright[12:].mean() < 5


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".png"),
        ("P", ".gif"),
        ("RGBA", ".png"),
        ("1", ".png"),
        ("CMYK", ".jpg"),
        ("L", ".jpg"),
    ],
)
def test_every_mode_loads_as_rgb(tmp_path, mode, suffix):
    source = Image.new("RGB", (8, 8), (200, 200, 200)).convert(mode)
    source.save(tmp_path / f"image{suffix}")
    image = load_image(tmp_path / f"image{suffix}")
    assert image.mode == "RGB"
    assert np.asarray(image).mean() == pytest.approx(200, abs=3) or mode == "1"


def test_palette_with_transparency(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.save(tmp_path / "image.png", transparency=bytes([0, 128]))
    assert load_image(tmp_path / "image.png").getpixel((0, 0)) == (10, 20, 30)


def test_sixteen_bit_grey_keeps_its_tones(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 16).astype(np.uint16), (16, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    tones = np.asarray(load_image(tmp_path / "ramp.png"))[0, :, 0]
    assert tones.tolist() == [value >> 8 for value in ramp[0].tolist()]
