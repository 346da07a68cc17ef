"""Small drawings beside the object that belong to no class."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .colours import random_colour
from .pixel_fields import Floats

__all__ = ["add_distractors"]

_SCALE = 2


def add_distractors(rng: np.random.Generator, image: Floats) -> Floats:
    """Draw two to four lines, scribbles and small blobs over an image (H, H, 3).

    They are drawn at twice the size and reduced, so that their edges are smooth.
    """
    size = len(image) * _SCALE
    canvas = Image.new("L", (size, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 5))):
        canvas.paste(0, (0, 0, *canvas.size))
        _DISTRACTORS[int(rng.integers(len(_DISTRACTORS)))](rng, draw, size)
        coverage = np.asarray(canvas.reduce(_SCALE), np.float32) / np.float32(255)
        colour = np.array(random_colour(rng, rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.9)), np.float32)
        image = image + coverage[..., None] * (colour - image)
    return image


def _draw_line(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    x, y = rng.uniform(0.05, 0.95, 2) * size
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.35) * size
    end = (x + length * np.cos(angle), y + length * np.sin(angle))
    draw.line([(x, y), end], fill=255, width=int(rng.uniform(0.015, 0.04) * size))


def _draw_scribble(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    steps = rng.uniform(-0.09, 0.09, (6, 2))
    points = (rng.uniform(0.1, 0.9, 2) + np.cumsum(steps, axis=0)) * size
    draw.line([tuple(point) for point in points], fill=255, width=int(rng.uniform(0.012, 0.025) * size), joint="curve")


def _draw_blob(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int) -> None:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 8))
    radii = rng.uniform(0.025, 0.075, 8) * size
    centre = rng.uniform(0.05, 0.95, 2) * size
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    draw.polygon([tuple(point) for point in points], fill=255)


_DISTRACTORS = (_draw_line, _draw_scribble, _draw_blob)
