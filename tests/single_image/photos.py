"""A photo, names of classes and a method for the tests of single images."""

from __future__ import annotations

import numpy as np
from PIL import Image

from camaug import GradCAM

NAMES = ["ant", "bee", "crane", "crane", "wolf spider, hunting spider"]
GRAD = GradCAM(layer="body")


def photo(width: int = 300, height: int = 260) -> Image.Image:
    generator = np.random.default_rng(0)
    small = Image.fromarray(generator.integers(0, 256, (8, 9, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)
