"""Images and labels in batches of any structure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from camaug.augmentation.batch_leaves import BatchLeaf, Selector, batch_leaves, change_parts, children, select
from camaug.augmentation.stacked_batch import stack_batch

__all__ = [
    "AmbiguousLabelsError",
    "ImagesAndLabels",
    "class_indices",
    "find_images",
    "find_images_and_labels",
    "find_labelled_images",
    "find_strings",
    "replace_tensors",
    "sub_batch_path",
]

IMAGE_NAMES = {"image", "images", "img", "imgs", "pixel_values", "x", "input", "inputs"}
LABEL_NAMES = {"label", "labels", "target", "targets", "y", "class", "classes", "cls", "category", "categories"}
CLASS_ID_NAMES = {"class_id", "class_ids", "class_idx", "class_index", "category_id", "category_ids"}
CHANNELS = {1, 3, 4}
DEEP_INTEGERS = (torch.uint16, torch.int16, torch.int32)
OTHER_WORDS = {
    "id",
    "ids",
    "idx",
    "index",
    "indices",
    "path",
    "paths",
    "file",
    "files",
    "bbox",
    "bboxes",
    "box",
    "boxes",
    "weight",
    "weights",
    "mask",
    "masks",
    "meta",
    "metadata",
    "tabular",
    "features",
    "domain",
    "group",
    "groups",
    "length",
    "lengths",
    "size",
    "sizes",
    "shape",
    "shapes",
    "position",
    "positions",
    "time",
    "timestamp",
    "age",
}


class AmbiguousLabelsError(ValueError):
    """Two tensors of a batch that could be the labels."""


class ImagesAndLabels(NamedTuple):
    """Images and labels of a batch.

    Attributes:
        images: (N, C, H, W), floating-point or integers of up to 32 bits.
        labels: Labels in any form that :func:`camaug.augmentation.label_targets.label_targets` reads; None where the
            batch has none.
    """

    images: Tensor
    labels: Tensor | None


def find_images_and_labels(
    batch: Any, images: Selector | None = None, labels: Selector | None = None
) -> ImagesAndLabels:
    """Find images and labels in a batch.

    Images are a floating-point tensor (N, C, H, W), or else one of uint8, or else one of uint16, int16 or int32: the
    first under a usual name (``image``, ``pixel_values``, ...), else the first. Lists of images and labels are stacked
    (:func:`camaug.augmentation.stacked_batch.stack_batch`). Labels are tensors of the same sub-batch with N rows: first
    those under a usual name (``label``, ``target``, ...), then integers (N,) or (N, 1), then rows (N, classes), then
    one truth value per image. Tensors with another name (``index``, ``camera_id``, ``bbox``, ``weight``, ...) do not
    count, and neither do tensors beside the images in an inner group if there is another outside of it.

    Args:
        batch: A tensor, or any nest of lists, tuples, named tuples, mappings, data classes and batch objects.
        images: Where the images are: a key, an index, a path such as ``"0.image"``, or a function of the batch. In a
            list of dicts a key is one of the dicts.
        labels: Where the labels are, in the same forms.

    Returns:
        The tensors of the batch themselves, not copies, unless they are stacked.

    Raises:
        ValueError: If there are no images, or two tensors could be the labels.
    """
    labels = _of_original(labels, batch)
    batch, leaves, candidates = _image_candidates(batch, images)
    if labels is not None:
        return ImagesAndLabels(candidates[0].tensor, _selected(batch, labels, "labels"))
    for image in candidates:
        found = _label_leaf(_same_sub_batch(leaves, image), image)
        if found is not None:
            return ImagesAndLabels(image.tensor, found.tensor)
    return ImagesAndLabels(candidates[0].tensor, None)


def find_images(batch: Any, images: Selector | None = None) -> Tensor:
    """Find the images of a batch, as :func:`find_images_and_labels` does, whatever else there is.

    Raises:
        ValueError: If there are no images.
    """
    return _image_candidates(batch, images)[2][0].tensor


def find_labelled_images(
    batch: Any, images: Selector | None = None, labels: Selector | None = None
) -> tuple[Tensor, Tensor]:
    """Find images and labels in a batch that must have both.

    The arguments are those of :func:`find_images_and_labels`.

    Raises:
        ValueError: If there are no images or no labels.
    """
    found = find_images_and_labels(batch, images, labels)
    if found.labels is None:
        raise ValueError(_without_labels(batch, len(found.images)))
    return found.images, found.labels


def sub_batch_path(leaves: Sequence[BatchLeaf], image: BatchLeaf) -> tuple[str, ...]:
    """Return the path of the sub-batch that an image tensor belongs to, empty for the whole batch.

    Args:
        leaves: The tensors of the batch.
        image: The image tensor.
    """
    others = [leaf for leaf in _image_leaves(leaves) if leaf.path[:1] != image.path[:1]]
    if not others or all(len(leaf.path) == 1 for leaf in (image, *others)):
        return ()
    return image.path[:1]


def find_strings(batch: Any, name: str, count: int) -> list[str] | None:
    """Find the strings that a batch holds under a name, one for each image.

    Args:
        batch: A dict, named tuple or data class.
        name: The name in the plural. The singular is tried too, because torch collates dicts of single items.
        count: Number of images.

    Returns:
        The strings, or None if the batch has none of this name and number.

    Example:
        >>> find_strings({"image": torch.rand(2, 3, 8, 8), "path": ["a.jpg", "b.jpg"]}, "paths", 2)
        ['a.jpg', 'b.jpg']
    """
    for key in (name, name.removesuffix("s")):
        values = batch.get(key) if isinstance(batch, Mapping) else getattr(batch, key, None)
        if isinstance(values, list | tuple) and len(values) == count and all(isinstance(s, str) for s in values):
            return list(values)
    return None


def replace_tensors(batch: Any, replacements: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """Return a copy of a batch with some tensors replaced. The batch given stays as it is.

    Args:
        batch: The batch.
        replacements: Pairs of a tensor in the batch, found by identity, and its replacement.

    Returns:
        A new container of the same type.
    """
    by_identity = {id(old): new for old, new in replacements}
    return change_parts(batch, lambda part, path: by_identity.get(id(part), part))


def class_indices(labels: Tensor) -> Tensor:
    """Return labels as class indices (N,): the most probable class if they are probabilities (N, classes)."""
    return labels.argmax(dim=1) if labels.dim() == 2 else labels


def _image_candidates(batch: Any, images: Selector | None) -> tuple[Any, list[BatchLeaf], list[BatchLeaf]]:
    """Return the stacked batch, its tensors, and those of them that could be the images, the most likely first."""
    images = _of_original(images, batch)
    batch = stack_batch(batch).batch
    leaves = batch_leaves(batch)
    if images is None:
        candidates = _image_leaves(leaves)
    else:
        chosen = _selected(batch, images, "images")
        candidates = [next((leaf for leaf in leaves if leaf.tensor is chosen), BatchLeaf((), chosen))]
    if not candidates:
        raise ValueError(_without_images(batch, leaves))
    return batch, leaves, candidates


def _without_images(batch: Any, leaves: Sequence[BatchLeaf]) -> str:
    """Return the message for a batch without images."""
    for leaf in leaves:
        if leaf.tensor.dim() == 4 and leaf.tensor.dtype == torch.int64 and leaf.tensor.shape[1] in CHANNELS:
            return (
                f"the batch holds images of {leaf.tensor.dtype}, {leaf}, which are read as masks: divide them by their "
                "range, in the data set or in on_after_batch_transfer, so that they are floats"
            )
        if _lacks_channels(leaf.tensor):
            return (
                f"the batch holds images without channels, {leaf}: add the dimension in the data set or in "
                "on_after_batch_transfer, image[None], so that they are (N, 1, H, W)"
            )
        if leaf.tensor.dim() == 5:
            return (
                f"the batch holds volumes or clips, {leaf}, and heatmaps are of images (N, C, H, W): give a function "
                "of the batch that returns one slice or frame of each, images=, and a forward= that makes the model "
                "take it"
            )
        if _has_channels_last(leaf.tensor):
            return (
                f"the batch holds images whose channels come last, {leaf}: permute them to (N, C, H, W) in the data "
                "set's transform, or give images=, a function of the batch that does, and a forward= that permutes "
                "them back"
            )
    if other := _other_images(batch):
        return (
            f"the batch holds images as {other}, expected tensors (N, C, H, W): convert them in the data set, the "
            "collate_fn or on_after_batch_transfer"
        )
    contents = ", ".join(map(str, leaves)) or "no tensor"
    return (
        f"expected images, (N, C, H, W) of floats or integers, in the batch, a {type(batch).__name__} with {contents}; "
        "say where they are with images="
    )


def _lacks_channels(tensor: Tensor) -> bool:
    """Return True for images (N, H, W), unlike one image (C, H, W)."""
    is_image = tensor.dim() == 3 and tensor.is_floating_point() and tensor.shape[0] not in CHANNELS
    return is_image and min(tensor.shape[1:]) > max(CHANNELS)


def _other_images(part: Any) -> str:
    """Return the type of images that are no tensors in a batch, empty where there are none."""
    name = type(part).__name__
    if isinstance(part, Image.Image) or (isinstance(part, np.ndarray) and part.ndim >= 3):
        return f"{type(part).__module__.split('.')[0]}'s {name}"
    return next(filter(None, (_other_images(item) for _, item in children(part))), "")


def _without_labels(batch: Any, count: int) -> str:
    """Return the message for a batch without labels."""
    names = _strings(batch, count)
    if names:
        return (
            f"the labels are strings, {names[0]!r}: give labels=, a function of the batch that returns class indices "
            f"({count},)"
        )
    return (
        f"expected labels beside the {count} images: class indices ({count},) or probabilities ({count}, classes). Say "
        "where they are with labels="
    )


def _strings(part: Any, count: int) -> Sequence[str]:
    """Return the first list in a batch that has a string for each image, if nothing says that they are paths."""
    if isinstance(part, list | tuple) and len(part) == count and all(isinstance(item, str) for item in part):
        return part
    items = ((key, item) for key, item in children(part) if not _is_other_name(key.lower()))
    return next(filter(None, (_strings(item, count) for _, item in items)), ())


def _of_original(selector: Selector | None, batch: Any) -> Selector | None:
    """Return a selector for the stacked batch: a function is one of the batch as the user has it."""
    return (lambda _: selector(batch)) if callable(selector) else selector


def _selected(batch: Any, selector: Selector, argument: str) -> Tensor:
    part = select(batch, selector)
    if isinstance(part, list | tuple) and part and all(isinstance(item, Tensor | int | float) for item in part):
        part = torch.stack([torch.as_tensor(item) for item in part])
    if argument == "images" and isinstance(part, Tensor) and part.dim() != 4:
        raise ValueError(f"images= gives {part.dtype} {tuple(part.shape)}, expected a tensor (N, C, H, W)")
    if not isinstance(part, Tensor):
        raise ValueError(f"{argument}={selector!r} gives a {type(part).__name__}, expected a tensor")
    return part


def _image_leaves(leaves: Sequence[BatchLeaf]) -> list[BatchLeaf]:
    """Return the tensors that could be images, the most likely first."""
    fitting = [leaf for leaf in leaves if leaf.tensor.dim() == 4 and not _has_channels_last(leaf.tensor)]
    floats = [leaf for leaf in fitting if leaf.tensor.is_floating_point()]
    of_bytes = [leaf for leaf in fitting if leaf.tensor.dtype == torch.uint8]
    deep = [leaf for leaf in fitting if leaf.tensor.dtype in DEEP_INTEGERS and not _is_other_name(leaf.name)]
    return sorted(floats or of_bytes or deep, key=lambda leaf: leaf.name not in IMAGE_NAMES)


def _has_channels_last(tensor: Tensor) -> bool:
    """Return True for images (N, H, W, C)."""
    is_image = tensor.dim() == 4 and tensor.shape[3] in CHANNELS
    return is_image and min(tensor.shape[1:3]) > max(CHANNELS)


def _same_sub_batch(leaves: Sequence[BatchLeaf], image: BatchLeaf) -> Sequence[BatchLeaf]:
    """Return the leaves of the image's own batch: with several loaders each part of the batch has images and labels."""
    path = sub_batch_path(leaves, image)
    return [leaf for leaf in leaves if leaf.path[: len(path)] == path]


def _label_leaf(leaves: Sequence[BatchLeaf], image: BatchLeaf) -> BatchLeaf | None:
    """Return the tensor that holds the labels of an image tensor, None where there is none.

    Raises:
        ValueError: If two tensors could be the labels.
    """
    count = len(image.tensor)
    fitting = [leaf for leaf in leaves if leaf.tensor is not image.tensor and _could_be_labels(leaf.tensor, count)]
    named = [leaf for leaf in fitting if _is_label_name(leaf.name)]
    unnamed = [leaf for leaf in fitting if not _is_other_name(leaf.name)]
    for likely in (named, _outside_group(unnamed, image)):
        best = [leaf for leaf in likely if _rank(leaf.tensor) == min(_rank(each.tensor) for each in likely)]
        if len(best) > 1 and not _agree(best):
            raise AmbiguousLabelsError(
                f"two tensors of the batch could be the labels: {best[0]} and {best[1]}. Say which with labels=, for "
                f'example labels="{".".join(best[0].path)}"'
            )
        if best:
            return best[0]
    return None


def _could_be_labels(tensor: Tensor, count: int) -> bool:
    is_row = tensor.dim() in (1, 2) or (tensor.dim() > 2 and tensor.numel() == count)
    return is_row and len(tensor) == count and not tensor.is_complex()


def _rank(tensor: Tensor) -> int:
    """Return how unlikely a tensor is to hold labels beside others: 0 for class indices, 2 for truth values."""
    is_column = tensor.numel() == len(tensor)
    if is_column and not tensor.is_floating_point() and tensor.dtype != torch.bool:
        return 0
    return 2 if is_column else 1


def _outside_group(leaves: list[BatchLeaf], image: BatchLeaf) -> list[BatchLeaf]:
    """Leave out what stands in the images' inner group, as in ``((images, index), labels)``, if anything remains."""
    group = image.path[:-1]
    outside = [leaf for leaf in leaves if leaf.path[: len(group)] != group]
    return outside or leaves


def _agree(leaves: Sequence[BatchLeaf]) -> bool:
    return all(torch.equal(leaf.tensor, leaves[0].tensor) for leaf in leaves[1:])


def _is_label_name(name: str) -> bool:
    words = set(re.split(r"[^a-z]+", name))
    return name in LABEL_NAMES or bool(words & {"label", "labels", "target", "targets"}) or name in CLASS_ID_NAMES


def _is_other_name(name: str) -> bool:
    return not _is_label_name(name) and bool(set(re.split(r"[^a-z]+", name)) & OTHER_WORDS)
