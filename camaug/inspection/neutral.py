"""Guarantee that running code on a model changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
import torch.utils.checkpoint
from torch import nn

from camaug.inspection.restored_buffers import restored_buffers
from camaug.utils.preserved_random_state import preserved_random_state
from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["neutral"]

# Generators that run code before and after a checkpointed part, by PyTorch version: from 2.15 on, and before.
_CHECKPOINT_GENERATORS = (
    "_checkpoint_without_reentrant_generator_impl",
    "_checkpoint_without_reentrant_generator",
)


@contextmanager
def neutral(model: nn.Module) -> Iterator[None]:
    """Run code on a model without changing it.

    Inside the block the model is in evaluation mode, gradients and inference mode are off, and compiled or checkpointed
    modules run eagerly, so that hooks are called and gradients may begin at any layer. On exit, after an exception too,
    these are restored:

    * the ``training`` flag of every submodule;
    * every buffer (batch-norm statistics, for example), its values and its identity;
    * the random-number states of Python, NumPy and PyTorch, on the CPU and on the model's device;
    * the autograd and inference modes, and the cache of autocast.

    Parameters and their ``.grad`` are not touched: code inside the block must use ``torch.autograd.grad`` alone.

    Args:
        model: The model.

    Example:
        >>> model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
        >>> with neutral(model):
        ...     model.training, torch.is_grad_enabled()
        (False, False)
        >>> model.training, torch.is_grad_enabled()
        (True, True)
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(preserved_random_state())
        stack.enter_context(restored_buffers(model))
        # The flags are set directly: `train()` may be overridden with side effects (merging adapters, for example).
        for module in model.modules():
            stack.enter_context(replaced_attribute(module, "training", False))
        stack.enter_context(_separate_autocast_cache())
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_without_checkpoints())
        yield


@contextmanager
def _separate_autocast_cache() -> Iterator[None]:
    # Autocast caches the low-precision copies of weights. Copies that are made here carry no gradient graph, and a
    # training step inside the same autocast region would use them and train nothing.
    torch.clear_autocast_cache()
    try:
        yield
    finally:
        torch.clear_autocast_cache()


@contextmanager
def _without_checkpoints() -> Iterator[None]:
    """Run checkpointed parts like any other.

    With ``use_reentrant=True`` a part's output has no gradient graph unless its input has one, so a graph that begins
    at a layer inside would end with the part. With ``use_reentrant=False`` a part runs again in the backward pass, and
    its hooks are called twice.
    """
    run_part = staticmethod(lambda function, preserve_random_state, *inputs: function(*inputs))
    with ExitStack() as stack:
        stack.enter_context(replaced_attribute(torch.utils.checkpoint.CheckpointFunction, "apply", run_part))
        for name in _CHECKPOINT_GENERATORS:
            if hasattr(torch.utils.checkpoint, name):
                stack.enter_context(replaced_attribute(torch.utils.checkpoint, name, _run_nothing_around))
        yield


def _run_nothing_around(*_: object, **__: object) -> Iterator[None]:
    """Yield once, for a checkpointed part to run."""
    yield
