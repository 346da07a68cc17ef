"""Pairs of an image and a category in it, with the explained class and the mask of the objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.target_classes import class_probabilities

__all__ = ["BoxedSource", "ObjectBatch", "boxed_source", "find_objects"]


class BoxedSource(Protocol):
    """Batch of images with boxes, such as ``camaug.datamodules.BoxedBatch``."""

    categories: Sequence[str]
    class_indices: Sequence[Sequence[int]]

    def pairs(self) -> Sequence[Any]:
        """Return pairs with the attributes ``image`` and ``category``, both indices."""
        ...

    def masks(self, pairs: Sequence[Any]) -> Tensor:
        """Return the union of each pair's boxes, bool (P, H, W)."""
        ...


class ObjectBatch(NamedTuple):
    """Pairs of an image and a category.

    Attributes:
        images: Image of each pair, (P, C, H, W).
        categories: Category of each pair, (P,), int64.
        masks: Union of the category's boxes in each image, bool (P, H, W).
        targets: Explained class of each pair, (P,), int64.
        left_out: Number of pairs that were left out because their class is improbable.
    """

    images: Tensor
    categories: Tensor
    masks: Tensor
    targets: Tensor
    left_out: int


def find_objects(model: nn.Module, batch: ImageBatch, minimum_confidence: float) -> ObjectBatch:
    """Return the pairs of a batch whose class the model predicts with the minimum confidence.

    Raises:
        ValueError: If the batch has no boxes, or their categories are not mapped to the model's classes.
    """
    source = boxed_source(batch)
    probabilities = class_probabilities(model, batch.images)
    _check_classes(source, probabilities.shape[1])
    pairs = list(source.pairs())
    targets = [
        max(source.class_indices[pair.category], key=lambda class_: float(probabilities[pair.image, class_]))
        for pair in pairs
    ]
    kept = [
        index
        for index, (pair, target) in enumerate(zip(pairs, targets, strict=True))
        if float(probabilities[pair.image, target]) >= minimum_confidence
    ]
    kept_pairs = [pairs[index] for index in kept]
    device = batch.images.device
    return ObjectBatch(
        images=batch.images[torch.tensor([pair.image for pair in kept_pairs], dtype=torch.int64, device=device)],
        categories=torch.tensor([pair.category for pair in kept_pairs], dtype=torch.int64),
        masks=source.masks(kept_pairs).to(device),
        targets=torch.tensor([targets[index] for index in kept], dtype=torch.int64, device=device),
        left_out=len(pairs) - len(kept),
    )


def boxed_source(batch: ImageBatch) -> BoxedSource:
    """Return the batch of the data module, after checking that it has boxes and mapped categories.

    Raises:
        ValueError: If it has no boxes, or its categories are not mapped to classes.
    """
    source = batch.source
    if not all(hasattr(source, name) for name in ("pairs", "masks", "categories", "class_indices")):
        raise ValueError(
            "the pointing game needs images with boxes, and the batches of this data module, "
            f"{type(source).__name__}, have none: give it BoxesDataModule"
        )
    if source.class_indices is None:
        raise ValueError(
            "the categories of the boxes are not mapped to the model's classes: set data.class_indices, as "
            "configs/experiments/pointing_game.yaml does for COCO and ImageNet"
        )
    return cast(BoxedSource, source)


def _check_classes(source: BoxedSource, count: int) -> None:
    wrong = sorted({index for indices in source.class_indices for index in indices if index >= count})
    if wrong:
        raise ValueError(
            f"`class_indices` names the classes {wrong}, and the model has {count}: give the model that the mapping "
            "is for"
        )
