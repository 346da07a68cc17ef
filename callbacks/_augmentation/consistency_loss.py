"""Consistency term in the loss of a training step."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.augmentation.recipes import Recipe
from camaug.functional.pair_consistency import Consistency, pair_consistency
from camaug.inspection.model_output import read_logits
from camaug.utils.replaced_attribute import replaced_attribute

from .._trainer.bound_forward import ModuleForward
from .classifier_recorder import ClassifierRecorder, RecordedCall

__all__ = ["ConsistencyLoss", "create_consistency"]


class ConsistencyLoss:
    """Loss term for consistent predictions: the divergence between those for images and for their masked views.

    The logits come from the calls that the training step made itself, so the term costs no forward pass. A step that
    shows no logits of all images and masked views gets no term, with one warning. The predictions are the logits'
    softmax, or their sigmoid from the first batch on in which an image has several labels.

    Args:
        pl_module: The module, which logs the term as ``augmentation/consistency``.
        weight: Factor of the term.
        forward: A function from module and images to logits, for a module whose forward returns something else.
        kind: The divergence.
    """

    def __init__(
        self,
        pl_module: L.LightningModule,
        weight: float,
        forward: ModuleForward | None = None,
        kind: Consistency = "jensen-shannon",
    ) -> None:
        self._module = pl_module
        self._weight = weight
        self._kind = kind
        self._forward = forward
        self._has_warned = False
        self._multilabel = False

    def add_to(self, result: Any, augmented: AugmentedBatch, recorder: ClassifierRecorder) -> Any:
        """Return the result of the training step with the term added to its loss.

        Args:
            result: A loss, a dict with a ``loss``, or None, which stays None.
            augmented: The batch that the step received.
            recorder: The calls that the step made.
        """
        if result is None or len(augmented.images) == 0:
            return result
        logits = self._logits(augmented.images, recorder)
        if logits is None:
            self._explain_absence(augmented.images, recorder)
            return result
        self._multilabel |= augmented.multilabel  # a later batch may have one label for each image
        term = pair_consistency(logits, augmented.index, kind=self._kind, multilabel=self._multilabel)
        self._module.log("augmentation/consistency", term.detach())
        if isinstance(result, dict):
            return {**result, "loss": result["loss"] + self._weight * term}
        return result + self._weight * term

    def _logits(self, images: Tensor, recorder: ClassifierRecorder) -> Tensor | None:
        """Return the logits of images and masked views, or None if the step's calls do not show them."""
        if self._forward is not None:
            logits = self._replayed(self._forward, images, recorder.calls)
            return None if logits is None else _first_rows(logits, images, recorder.calls[0])
        if recorder.has_watched and recorder.classifier(images) is None:
            return None
        found = [_first_rows(call.output, images, call) for call in recorder.calls]
        return next((logits for logits in found if logits is not None and logits.requires_grad), None)

    def _replayed(self, forward: ModuleForward, images: Tensor, calls: list[RecordedCall]) -> Any:
        """Return the result of the user's function on the recorded outputs, or None if it uses other modules."""
        used: list[Any] = []
        with ExitStack() as replacements:
            for module, output in {call.module: call.output for call in reversed(calls)}.items():
                replay = _Replay(output, used)
                replacements.enter_context(replaced_attribute(module, "forward", replay))
            result = forward(self._module, images) if calls else None
        return result if used else None

    def _explain_absence(self, images: Tensor, recorder: ClassifierRecorder) -> None:
        if not recorder.has_watched:
            # The step may call a submodule or self.forward instead of the module.
            recorder.watch(own_forward=self._forward is None and not recorder.calls)
        elif not self._has_warned:
            self._has_warned = True
            names = ", ".join(f"self.{name}" for name in recorder.names()) or "no submodule"
            rank_zero_warn(
                "GroupCamAugmentation adds no consistency term, because the training_step shows no logits "
                f"({len(images)}, classes) of images and masked views; it calls {names}. Give forward=, a function of "
                "module and images that returns logits, or set consistency=0"
            )


def create_consistency(
    pl_module: L.LightningModule,
    recipe: Recipe,
    weight: float,
    forward: ModuleForward | None,
    kind: Consistency = "jensen-shannon",
) -> ConsistencyLoss | None:
    """Return the term of a recipe with masked views, or None if there is none. Manual optimisation gets a warning."""
    if not recipe.adds_masked_views or weight == 0:
        return None
    if pl_module.automatic_optimization:
        return ConsistencyLoss(pl_module, weight, forward, kind)
    rank_zero_warn(
        "GroupCamAugmentation adds no consistency term, because the module uses manual optimisation and the loss that "
        "training_step returns has no effect: add camaug.functional.pair_consistency.pair_consistency yourself, or set "
        "consistency=0"
    )
    return None


class _Replay:
    """Forward function that returns a recorded output."""

    def __init__(self, output: Any, used: list[Any]) -> None:
        self._output, self._used = output, used

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._used.append(self._output)
        return self._output


def _first_rows(output: Any, images: Tensor, call: RecordedCall) -> Tensor | None:
    """Return the logits of the images, which may be the first of a larger input, or None."""
    try:
        logits = read_logits(output)
    except (TypeError, ValueError):
        return None
    count = len(images)
    if len(logits) == count:
        return logits
    begins_with_images = any(
        len(tensor) > count and tensor.shape[1:] == images.shape[1:] and torch.equal(tensor[:count], images)
        for tensor in call.tensors
    )
    return logits[:count] if begins_with_images and len(logits) > count else None
