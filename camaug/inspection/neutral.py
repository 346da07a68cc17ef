"""The guarantee that looking changes nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
import torch.utils.checkpoint
from torch import nn

__all__ = ["neutral"]

# What torch runs before and after a part: the first since 2.15, the second before.
AROUND_CHECKPOINTS = ("_checkpoint_without_reentrant_generator_impl", "_checkpoint_without_reentrant_generator")


@contextmanager
def neutral(model: nn.Module) -> Iterator[None]:
    """Run code on a model and leave no trace of it.

    Inside the context the model is in evaluation mode, gradients and inference mode are off, and modules that were
    compiled or checkpointed run eagerly, so that hooks fire and gradients may begin at any layer. On exit, whether by
    success or by an exception, these are what they were on entry:

    * the ``training`` flag of every submodule, each for itself;
    * every buffer (batch-norm statistics, for example), its contents and its identity;
    * the random-number states of Python, NumPy and PyTorch, on the CPU and on the model's device;
    * the autograd and inference modes, and the cache of autocast.

    Parameters and their ``.grad`` are not touched: what runs inside uses ``torch.autograd.grad`` alone.

    Args:
        model: The module that is looked at.

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
        stack.enter_context(_random_state_kept(model))
        stack.enter_context(_buffers_kept(model))
        stack.enter_context(_evaluation_mode(model))
        stack.enter_context(_autocast_cache_kept_apart())
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_without_checkpoints())
        yield


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    # The flags are set directly: `train()` may be overridden with side effects (merging adapters, for example).
    modes = {module: module.training for module in model.modules()}
    for module in modes:
        module.training = False
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    kept = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        for module, name, buffer, contents in kept:
            module._buffers[name] = buffer
            # Batch-norm writes its statistics without counting up their version, so all are copied back; through
            # `.data`, which does not count either, so that autograd still accepts what it saved for a backward pass.
            with torch.inference_mode(buffer.is_inference()):
                buffer.data.copy_(contents)


@contextmanager
def _random_state_kept(model: nn.Module) -> Iterator[None]:
    devices = {tensor.device for tensor in model.parameters() if tensor.device.type == "cuda"}
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=sorted(devices, key=str), device_type="cuda"):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def _autocast_cache_kept_apart() -> Iterator[None]:
    # Autocast caches the low-precision copies of weights. Copies that were made here carry no gradient graph, and
    # a training step inside the same autocast region would use them and train nothing.
    torch.clear_autocast_cache()
    try:
        yield
    finally:
        torch.clear_autocast_cache()


def _nothing_around(*_: object, **__: object) -> Iterator[None]:
    """What runs before and after a checkpointed part."""
    yield


@contextmanager
def _without_checkpoints() -> Iterator[None]:
    # What a part that is checkpointed with `use_reentrant=True` gives carries no gradient graph if nothing before it
    # does: one that begins at a layer inside would end with the part.
    # With `use_reentrant=False` a part runs again when its gradients are asked for, and hooks in it fire twice.
    function = torch.utils.checkpoint.CheckpointFunction
    before = vars(function).get("apply")
    place = torch.utils.checkpoint
    around = {name: getattr(place, name) for name in AROUND_CHECKPOINTS if hasattr(place, name)}
    function.apply = staticmethod(lambda run, preserve_random_state, *inputs: run(*inputs))
    for name in around:
        setattr(place, name, _nothing_around)
    try:
        yield
    finally:
        for name, own in around.items():
            setattr(place, name, own)
        if before is None:
            del function.apply
        else:
            function.apply = before
