"""Images and labels in batches of any structure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from camaug.augmentation.batch_leaves import BatchLeaf, Selector, batch_leaves, change_parts, select

__all__ = [
    "ImagesAndLabels",
    "class_indices",
    "find_images_and_labels",
    "find_labelled_images",
    "find_strings",
    "replace_tensors",
    "sub_batch_path",
]

IMAGE_NAMES = {"image", "images", "img", "imgs", "pixel_values", "x", "input", "inputs"}
LABEL_NAMES = {"label", "labels", "target", "targets", "y", "class", "classes", "cls", "category", "categories"}
CLASS_ID_NAMES = {"class_id", "class_ids", "class_idx", "class_index", "category_id", "category_ids"}
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


class ImagesAndLabels(NamedTuple):
    """Images and labels of a batch.

    Attributes:
        images: (N, C, H, W).
        labels: Class indices (N,) or probabilities (N, classes); None where the batch has none.
    """

    images: Tensor
    labels: Tensor | None


def find_images_and_labels(
    batch: Any, images: Selector | None = None, labels: Selector | None = None
) -> ImagesAndLabels:
    """Find images and labels in a batch.

    Images are a floating-point tensor (N, C, H, W): the first under a usual name (``image``, ``pixel_values``, ...),
    else the first. Labels are tensors of the same sub-batch with N rows: first those under a usual name (``label``,
    ``target``, ...), then integers (N,) or (N, 1), then rows (N, classes), then one truth value per image. Tensors with
    another name (``index``, ``camera_id``, ``bbox``, ``weight``, ...) do not count, and neither do tensors beside the
    images in an inner group if there is another outside of it.

    Args:
        batch: A tensor, or any nest of lists, tuples, named tuples, mappings, data classes and batch objects.
        images: Where the images are: a key, an index, a path such as ``"0.image"``, or a function of the batch.
        labels: Where the labels are, in the same forms.

    Returns:
        The tensors of the batch themselves, not copies.

    Raises:
        ValueError: If there are no images, or two tensors could be the labels.
    """
    leaves = batch_leaves(batch)
    if images is not None:
        chosen = BatchLeaf((), _selected(batch, images, "images"))
        chosen = next((leaf for leaf in leaves if leaf.tensor is chosen.tensor), chosen)
        candidates = [chosen]
    else:
        candidates = _image_leaves(leaves)
    if not candidates:
        contents = ", ".join(map(str, leaves)) or "no tensor"
        raise ValueError(
            f"expected images, floating-point (N, C, H, W), in the batch, a {type(batch).__name__} with {contents}; "
            "scale integer images to floats in the data set's transform, or say where they are with images="
        )
    if labels is not None:
        return ImagesAndLabels(candidates[0].tensor, _selected(batch, labels, "labels"))
    for image in candidates:
        found = _label_leaf(_same_sub_batch(leaves, image), image)
        if found is not None:
            return ImagesAndLabels(image.tensor, found.tensor)
    return ImagesAndLabels(candidates[0].tensor, None)


def find_labelled_images(
    batch: Any, images: Selector | None = None, labels: Selector | None = None
) -> tuple[Tensor, Tensor]:
    """Find images and labels in a batch that must have both.

    The arguments are those of :func:`find_images_and_labels`.

    Raises:
        ValueError: If there are no images or no labels.
    """
    found = find_images_and_labels(batch, images, labels)
    return found.images, _required(found)


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


def _required(found: ImagesAndLabels) -> Tensor:
    images, labels = found
    if labels is None:
        raise ValueError(
            f"expected labels beside the {len(images)} images: class indices ({len(images)},) or probabilities "
            f"({len(images)}, classes). Say where they are with labels="
        )
    return labels


def _selected(batch: Any, selector: Selector, argument: str) -> Tensor:
    part = select(batch, selector)
    if isinstance(part, list | tuple) and argument == "labels" and all(isinstance(item, int) for item in part):
        return torch.tensor(part)
    if not isinstance(part, Tensor):
        raise ValueError(f"{argument}={selector!r} gives a {type(part).__name__}, expected a tensor")
    return part


def _image_leaves(leaves: Sequence[BatchLeaf]) -> list[BatchLeaf]:
    """Return the tensors that could be images, the most likely first."""
    fitting = [leaf for leaf in leaves if leaf.tensor.dim() == 4 and leaf.tensor.is_floating_point()]
    return sorted(fitting, key=lambda leaf: leaf.name not in IMAGE_NAMES)


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
            raise ValueError(
                f"two tensors of the batch could be the labels: {best[0]} and {best[1]}. Say which with labels=, for "
                f'example labels="{".".join(best[0].path)}"'
            )
        if best:
            return best[0]
    return None


def _could_be_labels(tensor: Tensor, count: int) -> bool:
    return tensor.dim() in (1, 2) and len(tensor) == count and not tensor.is_complex()


def _rank(tensor: Tensor) -> int:
    """Return how unlikely a tensor is to hold labels beside others: 0 for class indices, 2 for truth values."""
    is_column = tensor.dim() == 1 or tensor.shape[1] == 1
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
