"""`Marker`, the painter of marks that identify a class."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

import torch
from PIL import Image, ImageDraw, ImageFont

__all__ = ["MarkKind", "Marker", "Position"]

MarkKind = Literal["patch", "frame", "text"]
"""A coloured square, a coloured frame, or the name of the class."""

Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "centre", "random"]
"""Position of a patch or text in the part of the image that evaluation sees."""

Box = tuple[int, int, int, int]

_CORNERS = {"top-left": (0.0, 0.0), "top-right": (1.0, 0.0), "bottom-left": (0.0, 1.0), "bottom-right": (1.0, 1.0)}
_PER_SIDE = {"patch": 1.0, "text": 0.5, "frame": 0.25}


@dataclass(frozen=True)
class Marker:
    """Painter of the marks of all classes.

    Marks lie in the central square that evaluation crops, so that the crop cuts nothing off them.

    Attributes:
        kind: Kind of the marks.
        classes: Name of each class. Text marks show it; the colour of the others depends on its index.
        position: Position of patches and texts.
        size: Side of a patch as a share of the central square's side. A text is half as high, or less where the name
            is too long, and a frame a quarter as thick.
        crop_pct: Side of the central square as a share of the image's shorter side.
    """

    kind: MarkKind
    classes: Sequence[str]
    position: Position
    size: float
    crop_pct: float

    def paint(self, image: Image.Image, label: int, key: str) -> Image.Image:
        """Return an RGB image with the mark of a class.

        Args:
            image: The image, which stays unchanged.
            label: Class of the mark.
            key: Source of the random position; equal keys give equal positions.
        """
        marked = image.copy()
        outer, hole = self._boxes(image.size, label, key)
        if self.kind == "text":
            marked.paste(self._caption(image.size, label), outer)
        else:
            marked.paste(class_colour(label, len(self.classes)), outer)
        if hole is not None:
            marked.paste(image.crop(hole), hole)
        return marked

    def mask(self, size: tuple[int, int], label: int, key: str) -> torch.Tensor:
        """Return the pixels that `paint` covers in an image of this width and height, bool (H, W)."""
        mask = torch.zeros(size[1], size[0], dtype=torch.bool)
        outer, hole = self._boxes(size, label, key)
        for box, value in ((outer, True), (hole, False)):
            if box is not None:
                left, top, right, bottom = box
                mask[top:bottom, left:right] = value
        return mask

    def _boxes(self, size: tuple[int, int], label: int, key: str) -> tuple[Box, Box | None]:
        """Return left, top, right and bottom of the mark, and of its hole if it is a frame."""
        left, top, side = _central_square(size, self.crop_pct)
        width, height = self._extent(size, label)
        if self.kind == "frame":
            outer = (left, top, left + side, top + side)
            inner = (left + width, top + width, left + side - width, top + side - width)
            return outer, inner if side > 2 * width else None
        across, down = self._relative_position(key)
        left += round(across * (side - width))
        top += round(down * (side - height))
        return (left, top, left + width, top + height), None

    def _extent(self, size: tuple[int, int], label: int) -> tuple[int, int]:
        """Return the width and height of the mark in pixels, of a frame its thickness twice."""
        return self._caption(size, label).size if self.kind == "text" else (self._thickness(size),) * 2

    def _thickness(self, size: tuple[int, int]) -> int:
        side = _central_square(size, self.crop_pct)[2]
        return max(1, round(self.size * _PER_SIDE[self.kind] * side))

    def _caption(self, size: tuple[int, int], label: int) -> Image.Image:
        """Return the name of the class in white on black, reduced to the width of the central square."""
        side = _central_square(size, self.crop_pct)[2]
        font = _font(self._thickness(size))
        right, bottom = font.getbbox(self.classes[label], anchor="lt")[2:]
        caption = Image.new("RGB", (max(1, int(right)), max(1, int(bottom))))
        ImageDraw.Draw(caption).text((0, 0), self.classes[label], fill="white", font=font, anchor="lt")
        share = min(1, side / caption.width, side / caption.height)
        return caption.resize((max(1, int(caption.width * share)), max(1, int(caption.height * share))))

    def _relative_position(self, key: str) -> tuple[float, float]:
        if self.position == "random":
            rng = Random(f"position/{key}")
            return rng.random(), rng.random()
        return _CORNERS.get(self.position, (0.5, 0.5))


def class_colour(label: int, classes: int) -> tuple[int, int, int]:
    """Return the colour of a class's mark. Hues are evenly spaced, and every second one is darker.

    Example:
        >>> [class_colour(label, 2) for label in range(2)]
        [(255, 0, 0), (0, 153, 153)]
    """
    red, green, blue = colorsys.hsv_to_rgb(label / classes, 1, 0.6 if label % 2 else 1)
    return round(255 * red), round(255 * green), round(255 * blue)


@cache
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font."""
    return ImageFont.load_default(height)


def _central_square(size: tuple[int, int], crop_pct: float) -> tuple[int, int, int]:
    """Return left, top and side of the square that evaluation crops from an image of this width and height."""
    side = max(1, int(crop_pct * min(size)))
    return (size[0] - side) // 2, (size[1] - side) // 2, side
