"""Consistency term in the loss of a training step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from torch import Tensor

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.functional.pair_consistency import pair_consistency
from camaug.utils.replaced_attribute import replaced_attribute

from .._trainer.bound_forward import ModuleForward

__all__ = ["ConsistencyLoss"]

INSTEAD = "set consistency=0 and add camaug.functional.pair_consistency.pair_consistency yourself"


class ConsistencyLoss:
    """Loss term for consistent predictions: the divergence between those for images and for their masked views.

    The logits are recorded from the ``training_step``'s own call of the module, so the term costs no forward pass.

    Args:
        pl_module: The module, which logs the term as ``augmentation/consistency``.
        weight: Factor of the term.
        forward: A function from module and images to logits, for a module whose forward returns something else.

    Raises:
        ValueError: If the module uses manual optimisation, which ignores the returned loss.
    """

    def __init__(self, pl_module: L.LightningModule, weight: float, forward: ModuleForward | None = None) -> None:
        if not pl_module.automatic_optimization:
            raise ValueError(
                "GroupCamAugmentation with masked views adds a term to the loss that training_step returns, and this "
                f"module uses manual optimisation: {INSTEAD}"
            )
        self._module = pl_module
        self._weight = weight
        self._forward = forward
        self._output: Any = None

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Inside the block, record the module's outputs."""
        handle = self._module.register_forward_hook(self._record)
        try:
            yield
        finally:
            handle.remove()
            self.clear()

    def clear(self) -> None:
        """Delete the recorded output."""
        self._output = None

    def add_to(self, result: Any, augmented: AugmentedBatch) -> Any:
        """Return the result of ``training_step`` with the term added to its loss.

        Args:
            result: A loss, a dict with a ``loss``, or None, which stays None.
            augmented: The batch that the step received.

        Raises:
            ValueError: If the step did not call the module on the batch's images, or it returned no logits.
        """
        if result is None:
            return None
        term = pair_consistency(self._logits(augmented.images), augmented.index)
        self._module.log("augmentation/consistency", term.detach())
        if isinstance(result, dict):
            return {**result, "loss": result["loss"] + self._weight * term}
        return result + self._weight * term

    def _logits(self, images: Tensor) -> Tensor:
        output = self._output
        if self._forward is not None and output is not None and not isinstance(output, Tensor):
            # The module's output is known, so the user's function needs no second pass to take the logits from it.
            with replaced_attribute(self._module, "forward", lambda *_, **__: output):
                output = self._forward(self._module, images)
        if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != len(images):
            given = f"a tensor {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"GroupCamAugmentation compares the logits ({len(images)}, classes) of images and masked views, and "
                f"the training_step's call of self(images) gave {given}: let it call self(images), or {INSTEAD}"
            )
        return output

    def _record(self, module: Any, inputs: Any, output: Any) -> None:
        self._output = output
