"""Images of one shape on a textured background, drawn from a random generator, with the shape's mask.

Images are NumPy arrays in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .colours import contrasting_colours, luminance, mix_colours, random_colour
from .distractors import add_distractors
from .pixel_fields import Floats, as_floats, pixel_grid, rotate
from .signed_distances import SHAPES
from .textures import BACKGROUNDS, OBJECT_TEXTURES, clouds

__all__ = ["Pose", "Scene", "draw_background", "draw_scene", "object_coverage", "sample_pose"]


@dataclass(frozen=True)
class Pose:
    """Position, size and rotation of an object.

    Attributes:
        x: Centre, in pixels from the left.
        y: Centre, in pixels from the top.
        radius: Radius of the circle around the object, in pixels.
        angle: Rotation in radians.
    """

    x: float
    y: float
    radius: float
    angle: float


class Scene(NamedTuple):
    """An image, uint8 (H, W, 3), and the mask of its object, bool (H, W)."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def draw_scene(rng: np.random.Generator, shape: str, background: str, size: int) -> Scene:
    """Draw an image: background, distractors, object, light, and the camera's noise, in this order.

    The pose is drawn first, so :func:`sample_pose` on a generator of the same seed returns this scene's pose.

    Args:
        rng: Source of all randomness.
        shape: Key of `SHAPES`.
        background: Key of `BACKGROUNDS`.
        size: Height and width in pixels.
    """
    pose = sample_pose(rng, size)
    image = draw_background(rng, background, size)
    coverage = object_coverage(shape, pose, size)
    surface = _object_surface(rng, image, coverage, pose)
    image = image + coverage[..., None] * (surface - image)
    image = _expose(rng, image)
    return Scene((image * 255 + 0.5).astype(np.uint8), coverage > 0.5)


def sample_pose(rng: np.random.Generator, size: int) -> Pose:
    """Draw a pose: 25 to 55 % of the image's side across, wholly inside the image.

    Args:
        rng: Source of the randomness.
        size: Height and width of the image in pixels.
    """
    radius = rng.uniform(0.125, 0.275) * size
    x, y = rng.uniform(radius, size - radius, 2)
    return Pose(float(x), float(y), float(radius), float(rng.uniform(0, 2 * np.pi)))


def object_coverage(shape: str, pose: Pose, size: int) -> Floats:
    """Return the share of each pixel that the object covers.

    Args:
        shape: Key of `SHAPES`.
        pose: Pose of the object.
        size: Height and width of the image in pixels.

    Returns:
        Float32 (size, size) in [0, 1], with fractions only at the object's edge. Values above 0.5 are the mask.
    """
    x, y = pixel_grid(size)
    x = (x * size - np.float32(pose.x)) / np.float32(pose.radius)
    y = (y * size - np.float32(pose.y)) / np.float32(pose.radius)
    distance = SHAPES[shape](*rotate(x, y, pose.angle))
    return as_floats(np.clip(0.5 - distance * np.float32(pose.radius), 0, 1))


def draw_background(rng: np.random.Generator, background: str, size: int) -> Floats:
    """Draw a texture in two colours, with two to four distractors that belong to no class.

    Args:
        rng: Source of the randomness.
        background: Key of `BACKGROUNDS`.
        size: Height and width in pixels.

    Returns:
        Float32 (size, size, 3) in [0, 1].
    """
    first, second = contrasting_colours(rng)
    pattern = 0.8 * BACKGROUNDS[background](rng, size) + 0.2 * clouds(rng, size)
    return add_distractors(rng, mix_colours(pattern, first, second))


def _object_surface(rng: np.random.Generator, image: Floats, coverage: Floats, pose: Pose) -> Floats:
    """Draw the object's own texture, (H, W, 3), lit from one side, darker or lighter than the pixels it covers."""
    size = len(image)
    behind = float((luminance(image) * coverage).sum() / coverage.sum())
    shift = rng.uniform(0.22, 0.42)
    lightness = behind - shift if behind > 0.5 else behind + shift
    first = random_colour(rng, lightness, rng.uniform(0.2, 0.9))
    second = random_colour(rng, lightness + rng.uniform(-0.12, 0.12), rng.uniform(0.2, 0.9))
    texture = OBJECT_TEXTURES[int(rng.integers(len(OBJECT_TEXTURES)))](rng, size)
    x, y = pixel_grid(size)
    towards = rng.uniform(0, 2 * np.pi)
    light = np.cos(towards) * (x * size - pose.x) + np.sin(towards) * (y * size - pose.y)
    shading = (light / pose.radius * 0.1).astype(np.float32)
    return as_floats(mix_colours(texture * np.float32(0.6), first, second) + shading[..., None])


def _expose(rng: np.random.Generator, image: Floats) -> Floats:
    """Apply random exposure, white balance, and noise."""
    gain = (rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)).astype(np.float32)
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0.01, 0.035))
    return as_floats(np.clip(image * gain + noise, 0, 1))
