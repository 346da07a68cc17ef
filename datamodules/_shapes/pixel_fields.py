"""Building blocks of the drawn textures: float32 arrays with one value a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = [
    "Floats",
    "as_floats",
    "pixel_grid",
    "rotate",
    "rotated_grid",
    "sharpen",
    "smooth_noise",
    "stretch",
    "wave_phase",
]

Floats = NDArray[np.float32]


def as_floats(values: Any) -> Floats:
    """Return the values as a float32 array. NumPy's arithmetic has no static type."""
    return np.asarray(values, np.float32)


def pixel_grid(size: int) -> tuple[Floats, Floats]:
    """Return the x and y coordinates of the pixel centres, (1, size) and (size, 1), in an image of side 1."""
    centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return centres[None, :], centres[:, None]


def rotated_grid(size: int, angle: float) -> tuple[Floats, Floats]:
    """Return the coordinates of the pixel centres in a frame that is rotated by an angle in radians."""
    return rotate(*pixel_grid(size), angle)


def rotate(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    """Return points in a frame that is rotated by an angle in radians."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return as_floats(cos * x + sin * y), as_floats(cos * y - sin * x)


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Draw smooth noise around 0, (size, size), whose bumps are ``size / cells`` pixels apart."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def wave_phase(rng: np.random.Generator, size: int, fewest: float, most: float) -> Floats:
    """Draw the phase of a plane wave in a random direction, with ``fewest`` to ``most`` waves across the image."""
    x, _ = rotated_grid(size, rng.uniform(0, np.pi))
    return as_floats(x * np.float32(2 * np.pi * rng.uniform(fewest, most)) + np.float32(rng.uniform(0, 2 * np.pi)))


def sharpen(field: Floats, sharpness: float) -> Floats:
    """Map a field around 0 to [0, 1]. The sharper, the more values are 0 or 1."""
    return as_floats(np.clip(field * np.float32(sharpness) * np.float32(0.5) + np.float32(0.5), 0, 1))


def stretch(field: Floats) -> Floats:
    """Rescale a field linearly to [0, 1]."""
    low, high = field.min(), field.max()
    return as_floats((field - low) / (high - low))
