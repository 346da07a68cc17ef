"""Conversion to RGB in transforms."""

from __future__ import annotations

import pickle

import numpy as np
from PIL import Image

from camaug.datamodules.transforms import whole_transform
from camaug.images.preprocessing import eval_transform
from camaug.images.to_rgb import ToRGB
from tests.images.deep_files import ramp


def test_deep_images_keep_their_tones():
    for image in (Image.fromarray(ramp(65535)), Image.fromarray((ramp(65535) / 65535).astype(np.float32))):
        converted = pickle.loads(pickle.dumps(ToRGB()))(image)
        assert converted.mode == "RGB"
        assert np.asarray(converted)[0, ::5, 2].tolist() == [0, 85, 170, 255]
    assert ToRGB()(Image.new("L", (2, 2), 7)).getpixel((0, 0)) == (7, 7, 7)


def test_the_transforms_take_deep_images():
    image = Image.fromarray(ramp(65535, count=16, height=16))
    for transform in (eval_transform(16, (0.0,) * 3, (1.0,) * 3, 1.0), whole_transform(16, (0.0,) * 3, (1.0,) * 3)):
        assert (transform(image)[1, 0, ::5] * 255).round().tolist() == [0, 85, 170, 255]
