"""A term of the loss that asks for like answers to images and to their masked twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import lightning as L
from torch import Tensor

from camaug.functional.recipes import pair_consistency

__all__ = ["Consistency"]

Forward = Callable[[L.LightningModule, Tensor], Tensor]


class Consistency:
    """Hears the logits of a ``training_step`` and adds the term to its loss.

    Args:
        weight: What the term is multiplied by.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._logits: Any = None

    def listen(self, pl_module: L.LightningModule) -> Callable[[], None]:
        """Hear what the module answers from now on; what is returned ends it."""
        return pl_module.register_forward_hook(self._hear).remove

    def forget(self) -> None:
        """Let go of what was heard."""
        self._logits = None

    def add(
        self,
        pl_module: L.LightningModule,
        result: Any,
        masked_views: Tensor,
        images: Tensor,
        forward: Forward | None = None,
    ) -> Any:
        """What ``training_step`` returned, with the term in its loss.

        Args:
            pl_module: The module, which logs the term as ``augmentation/consistency``.
            result: A loss, a dict with one, or None.
            masked_views: Which image each of the last images of the batch is the twin of, (M,).
            images: The batch: the images and behind them the twins, (N, C, H, W).
            forward: How logits come from a module and images, where the module itself does not give them.

        Raises:
            ValueError: If no logits for the batch were heard.
        """
        if result is None:
            return None
        logits, count = self._logits, len(images)
        if forward is not None and logits is not None and not isinstance(logits, Tensor):
            logits = forward(cast(L.LightningModule, _Heard(pl_module, logits)), images)
        if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != count:
            given = f"a tensor {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(
                f"GroupCamAugmentation(recipe='paired') compares logits ({count}, classes), and the training_step's "
                f"call of self(images) gave {given}: let it call self(images), or set consistency=0 and add "
                "camaug.functional.recipes.pair_consistency yourself"
            )
        term = pair_consistency(logits, masked_views)
        pl_module.log("augmentation/consistency", term.detach())
        if isinstance(result, dict):
            return {**result, "loss": result["loss"] + self.weight * term}
        return result + self.weight * term

    def _hear(self, module: Any, inputs: Any, output: Any) -> None:
        self._logits = output


class _Heard:
    """A module whose answer is known: being called again costs no second pass."""

    def __init__(self, module: L.LightningModule, answer: Any) -> None:
        self._module, self._answer = module, answer

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        return self._answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
