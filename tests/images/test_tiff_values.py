"""Grey TIFFs of every type, with the smallest value black or white."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camaug.images.loading import load_image
from camaug.images.tiff_values import is_min_white, misread_values

tifffile = pytest.importorskip("tifffile")

# Values, black and white, and the shades of the values between them: floor(256 (v - low) / (high - low)), up to 255.
CASES = {
    "uint8": ([0, 1, 128, 255], None, [0, 1, 128, 255]),
    "int8": ([0, 1, 64, 127], None, [0, 2, 129, 255]),
    "int8 window": ([-128, 0, 1, 127], (-128, 127), [0, 128, 129, 255]),
    "uint16": ([0, 256, 32768, 65535], None, [0, 1, 128, 255]),
    "uint16 window": ([0, 16, 2048, 4095], (0, 4095), [0, 1, 128, 255]),
    "int16 window": ([-1000, 0, 1000, 3000], (-1000, 3000), [0, 64, 128, 255]),
    "int32": ([0, 256, 32768, 65535], None, [0, 1, 128, 255]),
    "uint32": ([0, 256, 32768, 65535], None, [0, 1, 128, 255]),
    "uint32 window": ([0, 2**24, 2**31, 2**32 - 1], (0, 2**32 - 1), [0, 1, 128, 255]),
    "float32": ([0.0, 0.25, 0.5, 1.0], None, [0, 64, 128, 255]),
    "float32 window": ([-1.0, -0.5, 0.0, 1.0], (-1, 1), [0, 64, 128, 255]),
}


def save(path, dtype: str, values: list[float], **settings):
    tifffile.imwrite(path, np.array([values, values], dtype), **settings)
    return path


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("name", CASES)
def test_shades(name, photometric, tmp_path):
    values, window, shades = CASES[name]
    image = load_image(save(tmp_path / "x.tif", name.split()[0], values, photometric=photometric), window)
    read = np.asarray(image)[0]
    assert (read == read[:, :1]).all()
    assert read[:, 0].tolist() == (shades if photometric == "minisblack" else [255 - shade for shade in shades])


@pytest.mark.parametrize(
    ("dtype", "values", "message"),
    [
        ("int8", [-1, 0, 1, 2], "its int8 values reach from -1 to 2, and integer images have values from 0 to 127"),
        (
            "int16",
            [-1000, 0, 0, 0],
            "its int(16|32) values reach from -1000 to 0, .* give the values of black",
        ),
        ("uint32", [0, 0, 0, 2**32 - 1], r"its uint32 values reach from 0 to 4.29497e\+09"),
        ("float32", [0, 0, 0, 300], "its float32 values reach from 0 to 300, and floating-point images"),
    ],
)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_values_beyond_the_range_of_their_type_need_a_window(dtype, values, message, photometric, tmp_path):
    path = save(tmp_path / "x.tif", dtype, values, photometric=photometric)
    with pytest.raises(OSError, match=message):
        load_image(path)


def test_an_orientation_turns_them(tmp_path):
    tags = [(274, "H", 1, 6, True)]  # a quarter turn
    path = save(tmp_path / "x.tif", "uint16", [0, 0, 0, 65535], photometric="miniswhite", extratags=tags)
    image = load_image(path)
    assert image.size == (2, 4)
    assert np.asarray(image)[:, 0, 0].tolist() == [255, 255, 255, 0]


def test_other_files_are_read_as_pillow_does(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert misread_values(image) is None
        assert not is_min_white(image)
