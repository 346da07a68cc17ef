"""Colours around images."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DARK", "WHITE", "Colour", "Theme"]

Colour = tuple[int, int, int]


class Theme(NamedTuple):
    """Colours of what surrounds images, each red, green and blue from 0 to 255.

    Attributes:
        background: Colour between the images.
        text: Colour of text on the background.
        faint: Colour of lines that are to be seen, but not to attract attention.
    """

    background: Colour
    text: Colour
    faint: Colour


DARK = Theme(background=(24, 24, 28), text=(245, 245, 245), faint=(78, 80, 88))
WHITE = Theme(background=(255, 255, 255), text=(20, 20, 20), faint=(205, 208, 214))
