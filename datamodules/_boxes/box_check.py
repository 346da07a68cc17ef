"""Making sure that boxes fit the images they are said to be of."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._folders.image_check import upright_size
from .box_records import AnnotatedImage, Box

__all__ = ["find_misfits", "fit_box", "fit_boxes"]

_TOLERANCE = 1.0


def find_misfits(records: Sequence[AnnotatedImage]) -> dict[str, str]:
    """The images that cannot be opened or are not of the size their annotation says, and why.

    Images are taken upright, as they are loaded. Annotations that count the pixels of an image as it is stored, where
    its EXIF orientation turns it, are found by their size unless the image is square or turned by 180 degrees.
    """
    with ThreadPoolExecutor() as threads:
        reasons = threads.map(_misfit, records)
        return {record.path: reason for record, reason in zip(records, reasons, strict=True) if reason is not None}


def fit_boxes(records: Sequence[AnnotatedImage]) -> tuple[list[AnnotatedImage], dict[str, str]]:
    """Clip the boxes to their images.

    Returns:
        The images with the boxes that are sound, and why each of the others is not.
    """
    fitted, bad = [], {}
    for record in records:
        boxes = []
        for place, box in enumerate(record.boxes):
            try:
                boxes.append(fit_box(box, record.width, record.height))
            except ValueError as error:
                bad[f"{record.path}, box {place} ({box.category})"] = str(error)
        fitted.append(replace(record, boxes=tuple(boxes)))
    return fitted, bad


def fit_box(box: Box, width: int, height: int) -> Box:
    """Clip a box that reaches over an image's edge by a pixel or less, as rounding makes them.

    Args:
        box: The box.
        width: The image's width in pixels.
        height: The image's height in pixels.

    Raises:
        ValueError: If the box reaches further out or has no area.

    Example:
        >>> fit_box(Box(-0.5, 0, 10, 10.5, "dog"), 20, 10)
        Box(left=0.0, top=0, right=10, bottom=10.0, category='dog', flags=frozenset())
    """
    said = f"(left, top, right, bottom) = ({box.left:g}, {box.top:g}, {box.right:g}, {box.bottom:g})"
    out = max(-box.left, -box.top, box.right - width, box.bottom - height)
    if out > _TOLERANCE:
        raise ValueError(f"{said} reaches {out:g} pixels out of the image of {width} × {height}")
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, float(width)), min(box.bottom, float(height))
    if right <= left or bottom <= top:
        raise ValueError(f"{said} has no area")
    return replace(box, left=left, top=top, right=right, bottom=bottom)


def _misfit(record: AnnotatedImage) -> str | None:
    try:
        width, height = upright_size(record.path)
    except OSError as error:
        return str(error)
    if (width, height) == (record.width, record.height):
        return None
    turned = (height, width) == (record.width, record.height)
    hint = "; is it annotated as stored, and turned by its EXIF orientation? Save it upright" if turned else ""
    return f"the annotation is of an image of {record.width} × {record.height}, the image is {width} × {height}{hint}"
