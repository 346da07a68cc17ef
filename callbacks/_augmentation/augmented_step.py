"""Training steps on augmented batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import lightning as L

from camaug.augmentation.augmented_batch import AugmentedBatch

from .._trainer.training_step import wrapped_training_step
from .consistency_loss import ConsistencyLoss

__all__ = ["AugmentedStep"]


class AugmentedStep:
    """A module's ``training_step`` that receives the augmented batch, with a consistency term in its loss.

    Args:
        pl_module: The module.
        consistency: The term for batches with masked views; None for no term.

    Attributes:
        augmented: The batch for the next step; None to use Lightning's.
    """

    def __init__(self, pl_module: L.LightningModule, consistency: ConsistencyLoss | None) -> None:
        self._module = pl_module
        self._consistency = consistency
        self.augmented: AugmentedBatch | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside the block, replace the module's ``training_step``."""
        recording = self._consistency.recording() if self._consistency else nullcontext()
        try:
            with recording, wrapped_training_step(self._module, self._batch_for, self._result_of):
                yield
        finally:
            self.clear()

    def clear(self) -> None:
        """Delete the augmented batch and the recorded output."""
        self.augmented = None
        if self._consistency is not None:
            self._consistency.clear()

    def _batch_for(self, batch: Any) -> Any:
        if self._consistency is not None:
            self._consistency.clear()  # the explainer's own forward passes are recorded too
        return batch if self.augmented is None else self.augmented.batch

    def _result_of(self, result: Any) -> Any:
        if self.augmented is None or self._consistency is None:
            return result
        return self._consistency.add_to(result, self.augmented)
