"""Check of a module's training step and forward."""

from __future__ import annotations

import inspect

import lightning as L

from .._trainer.has_own_forward import has_own_forward

__all__ = ["check_step"]


def check_step(pl_module: L.LightningModule, *, has_forward: bool, has_bank: bool, explains: bool) -> None:
    """Raise a ValueError if the module's training step cannot be augmented.

    Args:
        pl_module: The module.
        has_forward: True if the user gave a forward function.
        has_bank: True if there is a saliency bank.
        explains: True if images will be explained.
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
    if explains and not has_forward and has_own_forward(pl_module) and not _takes_images_alone(pl_module):
        raise ValueError(
            f"GroupCamAugmentation calls {type(pl_module).__name__}.forward with images alone, and it is "
            f"forward{inspect.signature(pl_module.forward)}: give forward=, a function of module and images that "
            "returns logits"
        )


def _takes_images_alone(pl_module: L.LightningModule) -> bool:
    try:
        inspect.signature(pl_module.forward).bind(None)
    except TypeError:
        return False
    except ValueError:  # a compiled function, for example, has no signature
        return True
    return True
