"""Textures of backgrounds and objects: fields (size, size) in [0, 1] that mix two colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .pixel_fields import Floats, as_floats, rotated_grid, sharpen, smooth_noise, stretch, wave_phase

__all__ = ["BACKGROUNDS", "OBJECT_TEXTURES", "clouds"]

Texture = Callable[[np.random.Generator, int], Floats]


def clouds(rng: np.random.Generator, size: int) -> Floats:
    """Draw noise of three scales."""
    return stretch(as_floats(sum(smooth_noise(rng, size, cells) * np.float32(2 / cells) for cells in (3, 7, 15))))


def _stripes(rng: np.random.Generator, size: int) -> Floats:
    return sharpen(np.sin(wave_phase(rng, size, 4, 9)), rng.uniform(1.5, 5))


def _checks(rng: np.random.Generator, size: int) -> Floats:
    x, y = rotated_grid(size, rng.uniform(0, np.pi))
    frequency = np.float32(2 * np.pi * rng.uniform(2.5, 5))
    return sharpen(np.sin(x * frequency) * np.sin(y * frequency), rng.uniform(3, 8))


def _speckles(rng: np.random.Generator, size: int) -> Floats:
    return sharpen(smooth_noise(rng, size, int(rng.integers(20, 32))), 3)


def _gradient(rng: np.random.Generator, size: int) -> Floats:
    x, y = rotated_grid(size, rng.uniform(0, 2 * np.pi))
    return stretch(x + np.float32(rng.uniform(-0.6, 0.6)) * y * y)


def _dots(rng: np.random.Generator, size: int) -> Floats:
    x, y = rotated_grid(size, rng.uniform(0, np.pi))
    frequency = np.float32(2 * np.pi * rng.uniform(6, 9))
    return sharpen(np.cos(x * frequency) + np.cos(y * frequency) - np.float32(0.7), 3)


def _bricks(rng: np.random.Generator, size: int) -> Floats:
    x, y = rotated_grid(size, rng.uniform(0, np.pi))
    rows = np.float32(rng.uniform(6, 9))
    row = np.floor(y * rows)
    along = (x * rows / 2 + row / 2) % 1
    across = y * rows - row
    joint = np.minimum(np.minimum(along, 1 - along) * 2, np.minimum(across, 1 - across))
    return sharpen(joint - np.float32(0.1), 16)


def _wood(rng: np.random.Generator, size: int) -> Floats:
    """Draw stripes that slow noise bends."""
    bend = smooth_noise(rng, size, 4) * np.float32(rng.uniform(1.5, 3))
    return sharpen(np.sin(wave_phase(rng, size, 5, 9) + bend), 0.8)


BACKGROUNDS: dict[str, Texture] = {
    "clouds": clouds,
    "stripes": _stripes,
    "checks": _checks,
    "speckles": _speckles,
    "gradient": _gradient,
    "dots": _dots,
    "bricks": _bricks,
    "grain": _wood,
}
"""Texture of each background family, by its name."""

OBJECT_TEXTURES: tuple[Texture, ...] = (clouds, _speckles, _stripes, _wood, _gradient)
