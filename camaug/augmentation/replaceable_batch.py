"""Images and labels of a batch that can be replaced in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from camaug.augmentation.append_rows import append_rows
from camaug.augmentation.batch import find_labelled_images, replace_tensors
from camaug.augmentation.batch_leaves import Selector, batch_leaves
from camaug.augmentation.plain_tensor import plain_tensor
from camaug.augmentation.stacked_batch import StackedBatch, stack_batch

__all__ = ["ReplaceableBatch"]


@dataclass(frozen=True)
class ReplaceableBatch:
    """Images and labels of a batch that can be replaced in it.

    Attributes:
        stacked: The batch with its lists stacked.
        images: The images as the batch has them, (N, C, H, W), floating-point or integers.
        labels: The labels as the batch has them.
        selectors: The arguments ``images=`` and ``labels=``, named in messages.
    """

    stacked: StackedBatch
    images: Tensor
    labels: Tensor
    selectors: tuple[Selector | None, Selector | None] = (None, None)

    @classmethod
    def read(cls, batch: Any, images: Selector | None = None, labels: Selector | None = None) -> ReplaceableBatch:
        """Find images and labels (:func:`camaug.augmentation.batch.find_images_and_labels`).

        Raises:
            ValueError: If there are no images or no labels.
        """
        stacked = stack_batch(batch)
        selectors = tuple(_of_original(selector, batch, stacked.batch) for selector in (images, labels))
        return cls(stacked, *find_labelled_images(stacked.batch, *selectors), (images, labels))

    @property
    def are_integers(self) -> bool:
        """True if the model normalises the images itself."""
        return not self.images.is_floating_point()

    @property
    def pixels(self) -> Tensor:
        """The images as floating-point numbers, without a tensor subclass."""
        return plain_tensor(self.images).float() if self.are_integers else plain_tensor(self.images)

    @cached_property
    def plain_labels(self) -> Tensor:
        """The labels without a tensor subclass."""
        return plain_tensor(self.labels)

    def as_images(self, pixels: Tensor) -> Tensor:
        """Return floating-point pixels in the dtype of the batch's images."""
        if not self.are_integers:
            return pixels
        bounds = torch.iinfo(self.images.dtype)
        return pixels.round().clamp(bounds.min, bounds.max).to(self.images.dtype)

    def rebuilt(self, images: Tensor, labels: Tensor, appended: Tensor | None = None) -> Any:
        """Return a copy of the batch with other images and labels.

        Args:
            images: (N, C, H, W), or (N + M, C, H, W) with appended rows.
            labels: Their labels; :attr:`plain_labels` where they stay as they are.
            appended: Indices of the images to which the appended rows belong, (M,). Everything else in the batch that
                has a row for each image gets these rows, too.
        """
        new_labels = self.labels if labels is self.plain_labels else labels
        batch, pairs = self.stacked.batch, [(self.images, images), (self.labels, new_labels)]
        has_appended = appended is not None and len(appended) > 0
        self._check(has_new_labels=not has_appended and new_labels is not self.labels)
        if appended is None or not has_appended:
            return self.stacked.unstack(replace_tensors(batch, pairs))
        return self.stacked.unstack(append_rows(batch, self.images, appended, pairs))

    def _check(self, *, has_new_labels: bool) -> None:
        """Raise a ValueError unless everything that changes is part of the batch."""
        tensors = [leaf.tensor for leaf in batch_leaves(self.stacked.batch)]
        images_selector, labels_selector = self.selectors
        if not any(tensor is self.images for tensor in tensors):
            raise ValueError(
                f"images={images_selector!r} gives a tensor that is not part of the batch, so that it cannot be "
                "replaced: name one of the batch's own tensors"
            )
        if has_new_labels and not any(tensor is self.labels for tensor in tensors):
            raise ValueError(
                f"labels={labels_selector!r} gives a tensor that is not part of the batch, so that it cannot be "
                "replaced by mixed labels: name one of the batch's own tensors"
            )


def _of_original(selector: Selector | None, batch: Any, stacked: Any) -> Selector | None:
    """Return a selector for the stacked batch: a function is one of the batch as the user has it."""
    return (lambda _: selector(batch)) if callable(selector) and stacked is not batch else selector
