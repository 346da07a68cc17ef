"""Signed distance functions of the shapes, negative inside.

They take points x, y in units of the shape's radius, y downwards. Every shape fits the circle of radius 1, so edges are
smooth at any size and rotation, and masks exact. Outside a shape, the values are lower bounds of the distance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .pixel_fields import Floats, as_floats

__all__ = ["SHAPES"]


def _disc(x: Floats, y: Floats) -> Floats:
    return as_floats(np.hypot(x, y) - 0.9)


def _square(x: Floats, y: Floats) -> Floats:
    return as_floats(np.maximum(np.abs(x), np.abs(y)) - 0.7)


def _triangle(x: Floats, y: Floats) -> Floats:
    return as_floats(np.maximum(np.abs(x) * 0.866 - y * 0.5, y) - 0.5)


def _star(x: Floats, y: Floats) -> Floats:
    """Return the distance to five points. The plane is folded into half a point, which has one straight edge."""
    sector = np.float32(2 * np.pi / 5)
    angle = np.abs((np.arctan2(x, -y) / sector + 0.5) % 1 - 0.5) * sector
    radius = np.hypot(x, y)
    tip = np.array([1.0, 0.0], np.float32)
    notch = np.float32(0.44) * np.array([np.cos(np.pi / 5), np.sin(np.pi / 5)], np.float32)
    edge = (notch - tip) / np.linalg.norm(notch - tip)
    return as_floats((radius * np.cos(angle) - tip[0]) * edge[1] - radius * np.sin(angle) * edge[0])


def _cross(x: Floats, y: Floats) -> Floats:
    x, y = np.abs(x), np.abs(y)
    return as_floats(np.maximum(np.maximum(x, y) - 0.94, np.minimum(x, y) - 0.27))


def _ring(x: Floats, y: Floats) -> Floats:
    return as_floats(np.abs(np.hypot(x, y) - 0.73) - 0.2)


def _heart(x: Floats, y: Floats) -> Floats:
    """Return the distance to two lobes and the point below them, after Inigo Quilez's exact heart."""
    scale = np.float32(0.66)
    x, y = np.abs(x) * scale, np.float32(0.62) - y * scale
    lobe = np.hypot(x - 0.25, y - 0.75) - 0.353553
    half = np.maximum(x + y, 0) * 0.5
    point = np.minimum(np.hypot(x, y - 1), np.hypot(x - half, y - half)) * np.sign(x - y)
    return as_floats(np.where(x + y > 1, lobe, point) / scale)


def _crescent(x: Floats, y: Floats) -> Floats:
    bite = 0.72 - np.hypot(x - 0.48, y)
    return as_floats(np.maximum(np.hypot(x, y) - 0.95, bite))


SHAPES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "heart": _heart,
    "crescent": _crescent,
}
"""Signed distance function of each shape, by its name."""
