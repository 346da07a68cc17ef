"""Images and labels of a batch that can be replaced in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        images: The images as the batch has them, (N, C, H, W), floating-point or uint8.
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

    def as_images(self, pixels: Tensor) -> Tensor:
        """Return floating-point pixels in the dtype of the batch's images."""
        return pixels.round().clamp(0, 255).to(self.images.dtype) if self.are_integers else pixels

    def replaced(self, images: Tensor, labels: Tensor) -> Any:
        """Return a copy of the batch with other images and labels (N, ...)."""
        self._check(labels)
        return self.stacked.unstack(replace_tensors(self.stacked.batch, self._pairs(images, labels)))

    def extended(self, images: Tensor, labels: Tensor, index: Tensor) -> Any:
        """Return a copy of the batch with more images and labels, and with all that belongs to them.

        Args:
            images: (N + M, C, H, W).
            labels: (N + M, ...).
            index: Indices of the images to which the last M rows belong, (M,).
        """
        self._check(self.labels)
        return self.stacked.unstack(append_rows(self.stacked.batch, self.images, index, self._pairs(images, labels)))

    def _pairs(self, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(self.images, images), (self.labels, labels)]

    def _check(self, labels: Tensor) -> None:
        """Raise a ValueError unless everything that changes is part of the batch."""
        tensors = [leaf.tensor for leaf in batch_leaves(self.stacked.batch)]
        images_selector, labels_selector = self.selectors
        if not any(tensor is self.images for tensor in tensors):
            raise ValueError(
                f"images={images_selector!r} gives a tensor that is not part of the batch, so that it cannot be "
                "replaced: name one of the batch's own tensors"
            )
        if labels is not self.labels and not any(tensor is self.labels for tensor in tensors):
            raise ValueError(
                f"labels={labels_selector!r} gives a tensor that is not part of the batch, so that it cannot be "
                "replaced by mixed labels: name one of the batch's own tensors"
            )


def _of_original(selector: Selector | None, batch: Any, stacked: Any) -> Selector | None:
    """Return a selector for the stacked batch: a function is one of the batch as the user has it."""
    return (lambda _: selector(batch)) if callable(selector) and stacked is not batch else selector
