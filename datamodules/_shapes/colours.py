"""Random colours and mixtures of two colours."""

from __future__ import annotations

import colorsys

import numpy as np

from .pixel_fields import Floats

__all__ = ["Colour", "contrasting_colours", "luminance", "mix_colours", "random_colour"]

Colour = tuple[float, float, float]


def random_colour(rng: np.random.Generator, lightness: float, saturation: float) -> Colour:
    """Draw a colour of random hue."""
    return colorsys.hls_to_rgb(rng.uniform(), float(np.clip(lightness, 0.08, 0.92)), saturation)


def contrasting_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Draw two colours that differ enough for a pattern in them to be visible."""
    lightness = rng.uniform(0.25, 0.75)
    other = lightness + rng.choice([-1, 1]) * rng.uniform(0.12, 0.28)
    return random_colour(rng, lightness, rng.uniform(0.15, 0.8)), random_colour(rng, other, rng.uniform(0.15, 0.8))


def mix_colours(field: Floats, first: Colour, second: Colour) -> Floats:
    """Return an image (H, W, 3) that goes from the first colour, where the field is 0, to the second, where it is 1."""
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    return start + field[..., None] * (end - start)


def luminance(image: Floats) -> Floats:
    """Return the brightness of each pixel, (H, W), of an RGB image (H, W, 3)."""
    return image @ np.array([0.299, 0.587, 0.114], np.float32)
