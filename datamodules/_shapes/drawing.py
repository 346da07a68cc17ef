"""Drawing one picture of a shape on a textured background, from a random generator, with the shape's mask.

Pictures are NumPy arrays in [0, 1]. Shapes are signed distance functions, negative inside, of points in a frame in
which every shape fits the circle of radius 1: so edges are smooth at any size and rotation, and masks exact.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["BACKGROUNDS", "SHAPES", "Pose", "Scene", "draw_background", "draw_scene", "object_coverage", "sample_pose"]

Floats = NDArray[np.float32]
Distance = Callable[[Floats, Floats], Floats]
Field = Callable[[np.random.Generator, int], Floats]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Where an object is.

    Attributes:
        x: centre, in pixels from the left.
        y: centre, in pixels from the top.
        radius: of the circle around the object, in pixels.
        angle: rotation in radians.
    """

    x: float
    y: float
    radius: float
    angle: float


class Scene(NamedTuple):
    """A picture, uint8 (H, W, 3), and where the object is in it, bool (H, W)."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def draw_scene(rng: np.random.Generator, shape: str, background: str, size: int) -> Scene:
    """Draw a picture: background, distractors, object, light, and the camera's noise, in this order.

    The pose is drawn first from the generator, so `sample_pose` on a generator of the same seed gives this scene's.

    Args:
        rng: where all randomness comes from.
        shape: a key of `SHAPES`.
        background: a key of `BACKGROUNDS`.
        size: height and width in pixels.
    """
    pose = sample_pose(rng, size)
    picture = draw_background(rng, background, size)
    coverage = object_coverage(shape, pose, size)
    surface = _object_surface(rng, picture, coverage, pose)
    picture = picture + coverage[..., None] * (surface - picture)
    picture = _camera(rng, picture)
    return Scene((picture * 255 + 0.5).astype(np.uint8), coverage > 0.5)


def sample_pose(rng: np.random.Generator, size: int) -> Pose:
    """A random pose: 25 to 55 % of the picture's side across, wholly inside the picture.

    Args:
        rng: where the randomness comes from.
        size: height and width of the picture in pixels.
    """
    radius = rng.uniform(0.125, 0.275) * size
    x, y = rng.uniform(radius, size - radius, 2)
    return Pose(float(x), float(y), float(radius), float(rng.uniform(0, 2 * np.pi)))


def object_coverage(shape: str, pose: Pose, size: int) -> Floats:
    """How much of each pixel the object covers.

    Args:
        shape: a key of `SHAPES`.
        pose: where the object is.
        size: height and width of the picture in pixels.

    Returns:
        Float32 (size, size) in [0, 1], fractions only at the object's edge. The mask is where it exceeds 0.5.
    """
    x, y = _grid(size)
    x, y = (
        (x * size - np.float32(pose.x)) / np.float32(pose.radius),
        (y * size - np.float32(pose.y)) / np.float32(pose.radius),
    )
    cos, sin = np.float32(np.cos(pose.angle)), np.float32(np.sin(pose.angle))
    distance = SHAPES[shape](cos * x + sin * y, cos * y - sin * x)
    return np.clip(0.5 - distance * np.float32(pose.radius), 0, 1)


def draw_background(rng: np.random.Generator, background: str, size: int) -> Floats:
    """A texture in two or three colours with two to four distractors that are of no class.

    Args:
        rng: where the randomness comes from.
        background: a key of `BACKGROUNDS`.
        size: height and width in pixels.

    Returns:
        Float32 (size, size, 3) in [0, 1].
    """
    first, second = _two_colours(rng)
    pattern = 0.8 * BACKGROUNDS[background](rng, size) + 0.2 * _clouds(rng, size)
    return _add_distractors(rng, _mix(pattern, first, second), size)


# Shapes: signed distances (or, outside, lower bounds of them) at the points x, y in units of the radius, y downwards.


def _disc(x: Floats, y: Floats) -> Floats:
    return np.hypot(x, y) - np.float32(0.9)


def _square(x: Floats, y: Floats) -> Floats:
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.7)


def _triangle(x: Floats, y: Floats) -> Floats:
    return np.maximum(np.abs(x) * np.float32(0.866) - y * np.float32(0.5), y) - np.float32(0.5)


def _star(x: Floats, y: Floats) -> Floats:
    """Five points: fold the plane into half a point, which is one straight edge."""
    sector = np.float32(2 * np.pi / 5)
    angle = np.abs((np.arctan2(x, -y) / sector + np.float32(0.5)) % 1 - np.float32(0.5)) * sector
    radius = np.hypot(x, y)
    inner = np.float32(0.44)
    tip = np.array([1.0, 0.0], np.float32)
    notch = inner * np.array([np.cos(np.pi / 5), np.sin(np.pi / 5)], np.float32)
    edge = (notch - tip) / np.linalg.norm(notch - tip)
    return (radius * np.cos(angle) - tip[0]) * edge[1] - radius * np.sin(angle) * edge[0]


def _cross(x: Floats, y: Floats) -> Floats:
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - np.float32(0.94), np.minimum(x, y) - np.float32(0.27))


def _ring(x: Floats, y: Floats) -> Floats:
    return np.abs(np.hypot(x, y) - np.float32(0.73)) - np.float32(0.2)


def _heart(x: Floats, y: Floats) -> Floats:
    """Two lobes and the point below them, after Inigo Quilez's exact heart."""
    scale = np.float32(0.66)
    x, y = np.abs(x) * scale, np.float32(0.62) - y * scale
    lobe = np.hypot(x - np.float32(0.25), y - np.float32(0.75)) - np.float32(0.353553)
    half = np.maximum(x + y, 0) * np.float32(0.5)
    point = np.minimum(np.hypot(x, y - 1), np.hypot(x - half, y - half)) * np.sign(x - y)
    return np.where(x + y > 1, lobe, point) / scale


def _crescent(x: Floats, y: Floats) -> Floats:
    bite = np.float32(0.72) - np.hypot(x - np.float32(0.48), y)
    return np.maximum(np.hypot(x, y) - np.float32(0.95), bite)


# Background families: fields (size, size) in [0, 1] that mix two colours.


def _clouds(rng: np.random.Generator, size: int) -> Floats:
    field = sum(_noise(rng, size, cells) * np.float32(2 / cells) for cells in (3, 7, 15))
    return _stretch(field)


def _stripes(rng: np.random.Generator, size: int) -> Floats:
    return _edge(np.sin(_waves(rng, size, 4, 9)), rng.uniform(1.5, 5))


def _checks(rng: np.random.Generator, size: int) -> Floats:
    x, y = _turned(size, rng.uniform(0, np.pi))
    cells = np.float32(2 * np.pi * rng.uniform(2.5, 5))
    return _edge(np.sin(x * cells) * np.sin(y * cells), rng.uniform(3, 8))


def _speckles(rng: np.random.Generator, size: int) -> Floats:
    return _edge(_noise(rng, size, int(rng.integers(20, 32))), 3)


def _gradient(rng: np.random.Generator, size: int) -> Floats:
    x, y = _turned(size, rng.uniform(0, 2 * np.pi))
    return _stretch(x + np.float32(rng.uniform(-0.6, 0.6)) * y * y)


def _dots(rng: np.random.Generator, size: int) -> Floats:
    x, y = _turned(size, rng.uniform(0, np.pi))
    cells = np.float32(2 * np.pi * rng.uniform(6, 9))
    return _edge(np.cos(x * cells) + np.cos(y * cells) - np.float32(0.7), 3)


def _bricks(rng: np.random.Generator, size: int) -> Floats:
    x, y = _turned(size, rng.uniform(0, np.pi))
    rows = np.float32(rng.uniform(6, 9))
    row = np.floor(y * rows)
    along = (x * rows / 2 + row / 2) % 1
    across = y * rows - row
    joint = np.minimum(np.minimum(along, 1 - along) * 2, np.minimum(across, 1 - across))
    return _edge(joint - np.float32(0.1), 16)


def _grain(rng: np.random.Generator, size: int) -> Floats:
    """Wood: stripes bent by slow noise."""
    bend = _noise(rng, size, 4) * np.float32(rng.uniform(1.5, 3))
    return _edge(np.sin(_waves(rng, size, 5, 9) + bend), 0.8)


SHAPES: dict[str, Distance] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "heart": _heart,
    "crescent": _crescent,
}

BACKGROUNDS: dict[str, Field] = {
    "clouds": _clouds,
    "stripes": _stripes,
    "checks": _checks,
    "speckles": _speckles,
    "gradient": _gradient,
    "dots": _dots,
    "bricks": _bricks,
    "grain": _grain,
}


# What the picture is made with.


def _object_surface(rng: np.random.Generator, picture: Floats, coverage: Floats, pose: Pose) -> Floats:
    """The object's own texture under a light from one side, (H, W, 3), darker or lighter than what it covers."""
    size = picture.shape[0]
    behind = float((_luminance(picture) * coverage).sum() / coverage.sum())
    shift = rng.uniform(0.22, 0.42)
    lightness = behind - shift if behind > 0.5 else behind + shift
    first = _colour(rng, lightness, rng.uniform(0.2, 0.9))
    second = _colour(rng, lightness + rng.uniform(-0.12, 0.12), rng.uniform(0.2, 0.9))
    texture = _OBJECT_TEXTURES[int(rng.integers(len(_OBJECT_TEXTURES)))](rng, size)
    x, y = _grid(size)
    towards = rng.uniform(0, 2 * np.pi)
    light = np.cos(towards) * (x * size - pose.x) + np.sin(towards) * (y * size - pose.y)
    return _mix(texture * np.float32(0.6), first, second) + (light / pose.radius * 0.1).astype(np.float32)[..., None]


_OBJECT_TEXTURES: tuple[Field, ...] = (_clouds, _speckles, _stripes, _grain, _gradient)


def _add_distractors(rng: np.random.Generator, picture: Floats, size: int) -> Floats:
    """Lines, scribbles and small blobs, drawn at twice the size and reduced so that their edges are smooth."""
    scale = 2
    canvas = Image.new("L", (size * scale, size * scale))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 5))):
        canvas.paste(0, (0, 0, *canvas.size))
        _DISTRACTORS[int(rng.integers(len(_DISTRACTORS)))](rng, draw, size * scale)
        coverage = np.asarray(canvas.reduce(scale), np.float32) / np.float32(255)
        colour = np.array(_colour(rng, rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.9)), np.float32)
        picture = picture + coverage[..., None] * (colour - picture)
    return picture


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


def _camera(rng: np.random.Generator, picture: Floats) -> Floats:
    """Exposure, white balance, and noise."""
    size = picture.shape[0]
    gain = (rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)).astype(np.float32)
    noise = rng.standard_normal((size, size, 3), np.float32) * np.float32(rng.uniform(0.01, 0.035))
    return np.clip(picture * gain + noise, 0, 1)


def _two_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours that differ enough for a pattern in them to be seen."""
    lightness = rng.uniform(0.25, 0.75)
    other = lightness + rng.choice([-1, 1]) * rng.uniform(0.12, 0.28)
    return _colour(rng, lightness, rng.uniform(0.15, 0.8)), _colour(rng, other, rng.uniform(0.15, 0.8))


def _colour(rng: np.random.Generator, lightness: float, saturation: float) -> Colour:
    return colorsys.hls_to_rgb(rng.uniform(), float(np.clip(lightness, 0.08, 0.92)), saturation)


def _mix(field: Floats, first: Colour, second: Colour) -> Floats:
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    return start + field[..., None] * (end - start)


def _luminance(picture: Floats) -> Floats:
    return picture @ np.array([0.299, 0.587, 0.114], np.float32)


def _noise(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Smooth noise around 0 whose bumps are `size / cells` pixels apart."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def _waves(rng: np.random.Generator, size: int, fewest: float, most: float) -> Floats:
    """The phase of a plane wave in a random direction, `fewest` to `most` waves across the picture."""
    x, _ = _turned(size, rng.uniform(0, np.pi))
    return x * np.float32(2 * np.pi * rng.uniform(fewest, most)) + np.float32(rng.uniform(0, 2 * np.pi))


def _turned(size: int, angle: float) -> tuple[Floats, Floats]:
    x, y = _grid(size)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x + sin * y, cos * y - sin * x


def _grid(size: int) -> tuple[Floats, Floats]:
    """The centres of the pixels, (1, size) and (size, 1), the picture's side being 1."""
    centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return centres[None, :], centres[:, None]


def _edge(field: Floats, sharpness: float) -> Floats:
    """Push a field around 0 towards the values 0 and 1, the more so the sharper."""
    return np.clip(field * np.float32(sharpness) * np.float32(0.5) + np.float32(0.5), 0, 1)


def _stretch(field: Floats) -> Floats:
    low, high = field.min(), field.max()
    return (field - low) / (high - low)
