"""Check of a module's training step."""

from __future__ import annotations

import inspect

import lightning as L

from .._trainer.has_own_forward import has_own_forward

__all__ = ["check_step"]


def check_step(pl_module: L.LightningModule, *, has_forward: bool, has_bank: bool) -> None:
    """Raise a ValueError if the module's training step cannot be augmented.

    Args:
        pl_module: The module.
        has_forward: True if the user gave a forward function.
        has_bank: True if there is a saliency bank.
    """
    if "dataloader_iter" in inspect.signature(pl_module.training_step).parameters:
        raise ValueError(
            "GroupCamAugmentation needs the batch before the step, and this training_step fetches it from a "
            "dataloader_iter: let it take batch and batch_idx, or leave the callback out"
        )
    if has_bank and not has_forward and not has_own_forward(pl_module):
        raise ValueError(
            "the saliency bank explains images before the first step, and this module has no forward: give forward=, a "
            "function of module and images that returns logits, or leave the bank off (refresh_every_n_epochs)"
        )
