"""Explanation of the classes that a batch's labels name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from camaug.augmentation.label_targets import are_indices, are_whole, is_truth, label_targets, without_unit_dimensions
from camaug.augmentation.plain_tensor import plain_tensor
from camaug.explainers import Explanation
from camaug.utils.copied_to import copied_to

__all__ = ["explain_labels", "has_labels", "has_several_labels"]


def explain_labels(explain: Callable[[Tensor, Tensor], Explanation], images: Tensor, labels: Tensor) -> Explanation:
    """Explain the classes that labels name, with one map for each image.

    Args:
        explain: A function from images and targets, (N,) or (N, k), to their explanation.
        images: (N, C, H, W).
        labels: Labels of any kind that :func:`camaug.augmentation.label_targets.label_targets` reads.

    Returns:
        The explanation. The map of an image with several labels is the maximum of their maps, and that of an unlabelled
        image is all zero.

    Raises:
        ValueError: If the labels cannot be read or do not fit the model's number of classes.
    """
    labels = _readable(labels)
    targets = copied_to(_targets(labels), images.device)
    is_single = targets.dim() == 1
    try:
        explanation = explain(plain_tensor(images), targets.clamp(min=0) if is_single else targets)
    except ValueError as error:
        if not labels.is_floating_point() or _apparent_classes(labels) is not None:
            raise
        raise ValueError(f"the labels are floats, and read as class indices since they are whole: {error}") from error
    classes = explanation.logits.shape[1]
    if _apparent_classes(labels) not in (None, classes):
        label_targets(labels, classes)  # raises
    maps = explanation.maps * (targets >= 0)[:, None, None] if is_single else explanation.maps.amax(dim=1)
    return replace(explanation, maps=maps, targets=targets)


def has_labels(labels: Tensor) -> Tensor:
    """Return which images have a label, boolean (N,), on the labels' device or in the main memory.

    Example:
        >>> import torch
        >>> has_labels(torch.tensor([[0.0, 0.4, 0.6], [0.0, 0.0, 0.0]]))
        tensor([ True, False])
    """
    targets = _targets(labels)
    return (targets if targets.dim() == 1 else targets[:, 0]) >= 0


def has_several_labels(labels: Tensor, multi_label: bool | None = None) -> bool:
    """Return True if labels are rows with several classes of one image, unlike probabilities.

    Args:
        labels: Labels of any kind.
        multi_label: Whether all rows (N, classes) are; None if an image with two positive classes shows it.

    Example:
        >>> import torch
        >>> has_several_labels(torch.eye(3)), has_several_labels(torch.eye(3), multi_label=True)
        (False, True)
    """
    if multi_label is None:
        return _targets(labels).dim() == 2
    return multi_label and without_unit_dimensions(labels).dim() == 2


def _targets(labels: Tensor) -> Tensor:
    labels = _readable(labels)
    return label_targets(labels, _apparent_classes(labels))


def _readable(labels: Tensor) -> Tensor:
    """Return class indices as they are, and other labels, whose values say what they are, in the main memory.

    Each look at their values would wait for an accelerator.
    """
    labels = plain_tensor(labels)
    return labels if are_indices(labels) else labels.cpu()


def _apparent_classes(labels: Tensor) -> int | None:
    """Return the number of classes that the labels' type and shape imply, None for class indices."""
    labels = without_unit_dimensions(labels)
    if labels.dim() == 2:
        return labels.shape[1]
    if not is_truth(labels) or (are_whole(labels) and bool((labels > 1).any())):
        return None
    return 2
