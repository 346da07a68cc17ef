"""The size of an upright image, read from the header of its file."""

from __future__ import annotations

import pytest
from PIL import Image

from camaug.datamodules._folders.upright_size import upright_size
from camaug.images.loading import load_image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_equals_the_size_of_the_loaded_image(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "x.jpg", exif=exif)
    assert upright_size(tmp_path / "x.jpg") == load_image(tmp_path / "x.jpg").size
