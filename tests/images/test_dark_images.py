from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from camaug.datamodules import PhotoFolder
from camaug.images.dark_images import describe_dark_images, is_dark
from camaug.single_image.explain import explain
from tests.images.deep_files import ramp

SENTENCE = r"nearly black: .*value_range=\(0, 4095\) for 12 bits"


@pytest.fixture
def scan(tmp_path):
    """Return a file of 12 bits in 16."""
    Image.fromarray(ramp(4095, height=16)).save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


def test_a_range_or_more_bits_are_no_reason_to_warn(scan, tmp_path):
    assert describe_dark_images([str(scan)], None)
    assert not describe_dark_images([str(scan)], (0, 4095))
    Image.fromarray(ramp(65535)).save(tmp_path / "whole.png")
    assert not describe_dark_images([str(scan), str(tmp_path / "whole.png")], None)
    assert not describe_dark_images([], None)


def test_predict_warns(scan):
    photos = PhotoFolder(str(scan.parent), num_workers=0, transform=v2.PILToTensor())
    with pytest.warns(UserWarning, match=SENTENCE):
        photos.predict_dataloader()


def test_explain_warns_of_a_file_and_of_an_array(net, scan):
    for image in (scan, np.asarray(Image.open(scan))):
        with pytest.warns(UserWarning, match=SENTENCE):
            explain(net, image, "grad-cam")
        explain(net, image, "grad-cam", value_range=(0, 4095))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([4095], np.int32), True),
        (np.array([4096], np.int64), False),
        (np.array([0.5], np.float32), False),
        (np.array([9], np.uint8), False),
    ],
)
def test_arrays(values, expected):
    assert is_dark(values) is expected
