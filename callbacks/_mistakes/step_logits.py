"""Logits that a validation step computes, without a forward pass of its own."""

from __future__ import annotations

from contextlib import ExitStack

import lightning as L
from torch import Tensor

from camaug.inspection.model_output import read_logits

from .._augmentation.classifier_recorder import ClassifierRecorder

__all__ = ["StepLogits"]


class StepLogits:
    """Record of the logits of a validation step.

    In the first recorded step every submodule is observed, afterwards only those that were called.

    Args:
        pl_module: The module.
    """

    def __init__(self, pl_module: L.LightningModule) -> None:
        self._recorder = ClassifierRecorder(pl_module)
        self._recorder.watch(own_forward=True)
        self._recording = ExitStack()

    def start(self) -> None:
        """Begin to record."""
        self.stop()
        self._recording.enter_context(self._recorder.recording())

    def stop(self) -> None:
        """End the recording and delete what was recorded."""
        self._recording.close()
        self._recorder.clear()

    def read(self, count: int, classes: int | None = None) -> Tensor | None:
        """Return the logits (N, classes) of the recorded step, or None if no call returned such.

        Args:
            count: Number of images N.
            classes: Number of classes, None for any.
        """
        for call in self._recorder.calls:
            try:
                logits = read_logits(call.output, count)
            except (TypeError, ValueError):
                continue
            if classes in (None, logits.shape[1]):
                return logits.detach()
        return None
