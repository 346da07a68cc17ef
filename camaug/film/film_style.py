"""Appearance of a film."""

from __future__ import annotations

from dataclasses import dataclass

from camaug.images.theme import DARK, Theme

__all__ = ["FilmStyle"]


@dataclass(frozen=True)
class FilmStyle:
    """Size and colours of a film.

    Attributes:
        size: Longer side of the images, in pixels.
        colormap: Colours of the heatmaps, one of :data:`camaug.images.render.COLORMAPS`.
        theme: Colours around the images.
    """

    size: int = 224
    colormap: str = "viridis"
    theme: Theme = DARK
