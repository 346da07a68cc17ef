"""Checks that annotated images and boxes fit the image files."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from camaug.utils.progress import with_progress

from .._folders.upright_size import upright_size
from .annotations import AnnotatedImage, Box

__all__ = ["find_mismatched_images", "fit_box", "fit_boxes"]

_TOLERANCE = 1.0


def find_mismatched_images(records: Sequence[AnnotatedImage]) -> dict[str, str]:
    """Return the reason for each image that cannot be opened or has another size than its annotation says.

    Images are measured upright, as they are loaded. If an annotation refers to the stored image, and the EXIF
    orientation turns that image, the sizes differ, unless the image is square or turned by 180 degrees.
    """
    with ThreadPoolExecutor() as threads:
        found = threads.map(_find_mismatch, records)
        reasons = with_progress(found, "reading the sizes of images", total=len(records))
        return {record.path: reason for record, reason in zip(records, reasons, strict=True) if reason is not None}


def fit_boxes(records: Sequence[AnnotatedImage]) -> tuple[list[AnnotatedImage], dict[str, str]]:
    """Clip the boxes to their images.

    Returns:
        The images with their valid boxes, and the reason for each invalid box.
    """
    fitted, bad = [], {}
    for record in records:
        boxes = []
        for number, box in enumerate(record.boxes):
            try:
                boxes.append(fit_box(box, record.width, record.height))
            except ValueError as error:
                bad[f"{record.path}, box {number} ({box.category})"] = str(error)
        fitted.append(replace(record, boxes=tuple(boxes)))
    return fitted, bad


def fit_box(box: Box, width: int, height: int) -> Box:
    """Clip a box that exceeds its image by a pixel or less, which is a result of rounding.

    Args:
        box: The box.
        width: The image's width in pixels.
        height: The image's height in pixels.

    Raises:
        ValueError: If the box exceeds the image by more or has no area.

    Example:
        >>> fit_box(Box(-0.5, 0, 10, 10.5, "dog"), 20, 10)
        Box(left=0.0, top=0, right=10, bottom=10.0, category='dog', flags=frozenset())
    """
    corners = f"(left, top, right, bottom) = ({box.left:g}, {box.top:g}, {box.right:g}, {box.bottom:g})"
    excess = max(-box.left, -box.top, box.right - width, box.bottom - height)
    if excess > _TOLERANCE:
        raise ValueError(f"{corners} reaches {excess:g} pixels out of the image of {width} × {height}")
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, float(width)), min(box.bottom, float(height))
    if right <= left or bottom <= top:
        raise ValueError(f"{corners} has no area")
    return replace(box, left=left, top=top, right=right, bottom=bottom)


def _find_mismatch(record: AnnotatedImage) -> str | None:
    try:
        width, height = upright_size(record.path)
    except OSError as error:
        return str(error)
    if (width, height) == (record.width, record.height):
        return None
    turned = (height, width) == (record.width, record.height)
    hint = "; is it annotated as stored, and turned by its EXIF orientation? Save it upright" if turned else ""
    return f"the annotation is of an image of {record.width} × {record.height}, the image is {width} × {height}{hint}"
