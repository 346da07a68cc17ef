"""Check for steps that scale images before the model's forward."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import lightning as L
from torch import Tensor

from camaug.augmentation.batch import find_images
from camaug.augmentation.batch_leaves import Selector

from .._augmentation.classifier_recorder import ClassifierRecorder
from .._trainer.has_own_forward import has_own_forward
from .input_scaling import find_scaling

__all__ = ["ScalingCheck", "scaling_warning"]


class ScalingCheck:
    """Check of the first step for images that are scaled between the batch and the model's forward.

    Explanations call the forward with the images of the batch, and would be of other inputs than the model's.

    Args:
        callback: Name of the callback.
        images: Where a batch has its images, None to find them.
    """

    def __init__(self, callback: str, images: Selector | None) -> None:
        self._callback, self._selector = callback, images
        self._images: Tensor | None = None
        self._is_over = False
        self._recording = ExitStack()

    def start(self, pl_module: L.LightningModule, batch: Any) -> None:
        """Record the calls of a step with this batch, if it is the first."""
        if self._is_over or not has_own_forward(pl_module):
            return
        self._is_over = True
        try:
            self._images = find_images(batch, self._selector)
        except ValueError:  # reported where the images are needed
            return
        self._recorder = ClassifierRecorder(pl_module)
        self._recording.enter_context(self._recorder.recording())

    def end(self) -> str:
        """Return a warning with the remedy, empty where nothing is scaled."""
        images, self._images = self._images, None
        if images is None:
            return ""
        self._recording.close()
        scaling = find_scaling(images, self._recorder.calls)
        self._recorder.clear()
        return "" if scaling is None else scaling_warning(self._callback, str(scaling))


def scaling_warning(callback: str, remedy: str) -> str:
    """Return the warning about scaled images."""
    return (
        f"{callback} explains images as they are in the batch, and the module's steps scale them before its forward: "
        f"give {callback}({remedy})"
    )
