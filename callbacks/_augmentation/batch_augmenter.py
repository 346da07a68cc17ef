"""Augmentation of one training batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import lightning as L

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.inspection.sharded_weights import whole_weights

from .._logging.warn_once import WarnOnce
from .bank_keeper import BankKeeper

__all__ = ["BatchAugmenter"]


class BatchAugmenter:
    """Function from a training batch to the augmented batch, or to None if the batch stays as it is.

    Before the first training step, data and settings that cannot be augmented raise a ValueError or TypeError. Any
    other failure is one warning with its cause: the batch stays as it is, and the next one is tried again.

    Args:
        trainer: The trainer.
        transform: The transform.
        keeper: The saliency bank; None to explain every batch.

    Attributes:
        transform: The transform.
        is_first: True until a training step has ended.
    """

    def __init__(self, trainer: L.Trainer, transform: GroupCamTransform, keeper: BankKeeper | None) -> None:
        self._trainer = trainer
        self.transform = transform
        self._keeper = keeper
        self.is_first = True
        self._warn_once = WarnOnce("GroupCamAugmentation", every_rank=True)

    def __call__(self, batch: Any, share: float) -> AugmentedBatch | None:
        """Augment a batch.

        Args:
            batch: The batch, which stays as it is.
            share: Share of its images that are changed.
        """
        with self.guarded():
            self.transform.share = share
            return self._augment(batch)
        return None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn a failure inside the block into one warning, unless the configuration or the first batch is wrong."""
        failure = f"could not augment a batch of epoch {self._trainer.current_epoch}, which stays as it is"
        raising = (ValueError, TypeError) if self.is_first else ()
        with self._warn_once.instead_of_error(self._trainer, failure, raising=raising):
            yield

    def _augment(self, batch: Any) -> AugmentedBatch | None:
        keeper, transform = self._keeper, self.transform
        if keeper is not None and not keeper.has_maps:
            return None
        # The same on every process, because all must take part in gathering sharded weights.
        may_explain = transform.recipe.needs_maps and (keeper is None or keeper.measures_next_batch)
        with whole_weights(self._trainer.lightning_module) if may_explain else nullcontext():
            images, labels = transform.find(batch)
            if len(images) == 0:  # from a batch sampler, or a filter on the device
                return None
            if keeper is None:
                return transform.augment(batch)
            return transform.augment(batch, keeper.maps_for(images, labels))
