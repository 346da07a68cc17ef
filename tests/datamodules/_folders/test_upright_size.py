"""The size of an upright image, read from the header of its file."""

from __future__ import annotations

import pytest
from PIL import Image

from camaug.datamodules._folders.upright_size import upright_size
from camaug.images.loading import load_image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_equals_the_size_of_the_loaded_image(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / f"x{suffix}", exif=exif)
    assert upright_size(tmp_path / f"x{suffix}") == load_image(tmp_path / f"x{suffix}").size
