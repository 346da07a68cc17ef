"""The choice of the images and boxes that are used, with the number of everything that is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from camaug.images.eight_bits import ValueRange
from camaug.utils.printable import printable

from .._folders.bad_images import BadPolicy, find_bad_images, report_bad
from .._folders.dark_images import warn_of_dark_images
from .annotations import AnnotatedImage, Annotations, Box
from .box_check import find_mismatched_images, fit_boxes
from .boxed_view import BoxedView, Transform, view_of

__all__ = ["Selection", "describe_selection", "select_views"]

_MAX_DECODED_BY_DEFAULT = 20_000


@dataclass(frozen=True)
class Selection:
    """Views of the images that are used, and the number of images, boxes and annotations left out, by reason."""

    views: list[BoxedView]
    omissions: Counter[str]


def select_views(
    annotations: Annotations,
    categories: Sequence[str],
    transform: Transform,
    on_bad_image: BadPolicy,
    on_bad_box: BadPolicy,
    value_range: ValueRange | None = None,
) -> Selection:
    """Select the usable images and boxes of the given categories, and transform the boxes.

    Args:
        annotations: All annotations.
        categories: Names of the categories that are used.
        transform: Transform of the images.
        on_bad_image: Policy for images that cannot be read, or are not of the size that their annotation says.
        on_bad_box: Policy for boxes that exceed their image by more than a pixel, or have no area.
        value_range: Values of black and white in images of more than 8 bits.

    Raises:
        ValueError: If an image or box is bad and its policy is ``"error"``, or no image is left.
    """
    omissions = Counter(annotations.omissions)
    records = _keep_wanted(annotations.images, categories, omissions)
    records = _keep_readable(records, annotations.unreadable, on_bad_image, omissions, value_range)
    records = _keep_valid_boxes(records, on_bad_box, omissions)
    all_views = [view_of(record, categories, transform) for record in records]
    views = [view for view in all_views if view.boxes]
    omissions["boxes cut away or below a pixel"] = _box_count(records) - _box_count(views)
    omissions["images with no visible box"] = len(all_views) - len(views)
    omissions["categories without images"] = len(set(range(len(categories))) - _visible_categories(views))
    if not views:
        raise ValueError(
            f"no image has a visible box, of {len(annotations.images)} annotated images. Left out: "
            f"{_enumerate(omissions)}"
        )
    return Selection(views, omissions)


def describe_selection(selection: Selection, annotations: Annotations, categories: Sequence[str]) -> str:
    """Return a message of a few lines about the selected images and everything that was left out."""
    views = selection.views
    visible = _visible_categories(views)
    lines = [
        f"BoxesDataModule: {len(views)} images with {_box_count(views)} boxes of {len(visible)} categories. "
        f"Left out: {_enumerate(selection.omissions)}"
    ]
    unmapped = Counter(
        box.category for record in annotations.images for box in record.boxes if box.category not in categories
    )
    if unmapped:
        lines.append(f"Not in class_indices: {', '.join(f'{n} {name}' for name, n in unmapped.most_common())}")
    empty = [name for index, name in enumerate(categories) if index not in visible]
    if empty:
        lines.append(f"Without images: {', '.join(empty)}")
    return "\n".join(printable(line) for line in lines)


def _keep_wanted(
    records: Sequence[AnnotatedImage], categories: Collection[str], omissions: Counter[str]
) -> list[AnnotatedImage]:
    """Return the images with the boxes of single objects of the categories."""
    single = [_filter_boxes(record, lambda box: "crowd" not in box.flags) for record in records]
    wanted = [_filter_boxes(record, lambda box: box.category in categories) for record in single]
    kept = [record for record in wanted if record.boxes]
    empty = sum(1 for record in records if not record.boxes)
    omissions["boxes around crowds"] = _box_count(records) - _box_count(single)
    omissions["boxes of categories not in class_indices"] = _box_count(single) - _box_count(wanted)
    omissions["images without boxes"] = empty
    omissions["images with no box to use"] = len(records) - empty - len(kept)
    return kept


def _keep_readable(
    records: Sequence[AnnotatedImage],
    unreadable: Mapping[str, str],
    policy: BadPolicy,
    omissions: Counter[str],
    value_range: ValueRange | None,
) -> list[AnnotatedImage]:
    bad = {**unreadable, **find_mismatched_images(records)}
    if len(records) <= _MAX_DECODED_BY_DEFAULT or policy == "skip":
        bad |= find_bad_images([record.path for record in records if record.path not in bad], value_range)
    heading = f"{len(bad)} of {len(records) + len(unreadable)} images cannot be used"
    report_bad(bad, heading, "on_bad_image", policy)
    omissions["bad images"] = len(bad)
    readable = [record for record in records if record.path not in bad]
    warn_of_dark_images([record.path for record in readable], value_range)
    return readable


def _keep_valid_boxes(
    records: Sequence[AnnotatedImage], policy: BadPolicy, omissions: Counter[str]
) -> list[AnnotatedImage]:
    fitted, bad = fit_boxes(records)
    report_bad(bad, f"{len(bad)} of {_box_count(records)} boxes cannot be used", "on_bad_box", policy)
    omissions["bad boxes"] = len(bad)
    return fitted


def _filter_boxes(record: AnnotatedImage, keep: Callable[[Box], bool]) -> AnnotatedImage:
    return replace(record, boxes=tuple(filter(keep, record.boxes)))


def _box_count(images: Iterable[AnnotatedImage | BoxedView]) -> int:
    return sum(len(image.boxes) for image in images)


def _visible_categories(views: Iterable[BoxedView]) -> set[int]:
    return {category for view in views for category in view.categories}


def _enumerate(omissions: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in omissions.items() if count) or "nothing"
