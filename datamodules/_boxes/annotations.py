"""Annotations of boxes, independent of the format of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["AnnotatedImage", "Annotations", "Box"]


@dataclass(frozen=True)
class Box:
    """One object.

    Attributes:
        left: Left edge in pixels of the image; the left edge of the image's first pixel is 0.
        top: Top edge; the top edge of the image's first pixel is 0.
        right: Right edge, exclusive: the right edge of the image's last pixel is its width.
        bottom: Bottom edge, exclusive.
        category: Name of the object's category.
        flags: Further properties of the object: "crowd", "difficult", "truncated", "occluded".
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
        width: Width in pixels, as the annotation says, else as the file says.
        height: Height in pixels.
        boxes: The objects, in the order of the annotation.
    """

    path: str
    width: int
    height: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Annotations:
    """Content of the annotation files.

    Attributes:
        images: The images that are annotated and exist.
        categories: Names of the categories, in the annotation's own order where it has one, else sorted.
        omissions: Number of images and annotations that were left out, by reason.
        unreadable: Reason for each image that had to be opened for its size and could not be.
    """

    images: tuple[AnnotatedImage, ...]
    categories: tuple[str, ...]
    omissions: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
