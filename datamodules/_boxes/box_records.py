"""What annotations of boxes say, whatever file format they came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["AnnotatedImage", "Annotations", "Box"]


@dataclass(frozen=True)
class Box:
    """One object.

    Attributes:
        left: Left edge in pixels of the image; the left edge of its first pixel is 0.
        top: Top edge, likewise.
        right: Right edge, exclusive: the right edge of the image's last pixel is its width.
        bottom: Bottom edge, exclusive.
        category: Name of the object's category.
        flags: What else the annotation says of the object: "crowd", "difficult", "truncated", "occluded".
    """

    left: float
    top: float
    right: float
    bottom: float
    category: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and the objects in it.

    Attributes:
        path: The file.
        width: The image's width in pixels, as the annotation says where it does.
        height: The image's height in pixels.
        boxes: The objects, in the order of the annotation.
    """

    path: str
    width: int
    height: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Annotations:
    """All that was read.

    Attributes:
        images: The images that are annotated and there.
        categories: Names of the categories: in the annotation's own order where it has one, else sorted.
        omissions: How many of what was left out in reading.
        unreadable: Why an image whose size only its file knows could not be opened, for each.
    """

    images: tuple[AnnotatedImage, ...]
    categories: tuple[str, ...]
    omissions: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
