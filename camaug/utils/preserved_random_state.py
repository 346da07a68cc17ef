"""Random-number generators of the CPU and of the accelerator, left as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

__all__ = ["accelerator_random_state", "preserved_random_state", "set_accelerator_random_state"]


@contextmanager
def preserved_random_state(seed: int | None = None) -> Iterator[None]:
    """Restore the random-number states of Python, NumPy, PyTorch's CPU and its accelerator when the block ends.

    Args:
        seed: Seed of all of these generators inside the block; None goes on from the present states.

    Example:
        >>> before = torch.get_rng_state()
        >>> with preserved_random_state(seed=0):
        ...     _ = torch.rand(3)
        >>> torch.equal(before, torch.get_rng_state())
        True
    """
    python_state, numpy_state, cpu_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    states = [accelerator_random_state(device) for device in range(_count())]
    try:
        if seed is not None:
            _seed(seed)
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(cpu_state)
        for device, state in enumerate(states):
            set_accelerator_random_state(state, device)


def accelerator_random_state(device: int | None = None) -> Tensor:
    """Return the state of an accelerator's generator, an empty tensor where no accelerator is in use.

    Args:
        device: Index of the accelerator's device; None for the current one.
    """
    module = _module()
    if module is None:
        return torch.empty(0, dtype=torch.uint8)
    state: Tensor = module.get_rng_state(*_arguments(module, device))
    return state


def set_accelerator_random_state(state: Tensor, device: int | None = None) -> None:
    """Set the state of an accelerator's generator. Do nothing if the state is empty or no accelerator is in use.

    Args:
        state: Result of :func:`accelerator_random_state`.
        device: Index of the accelerator's device; None for the current one.
    """
    module = _module()
    if module is not None and state.numel():
        module.set_rng_state(state.cpu(), *_arguments(module, device))


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    # `torch.manual_seed` would also queue a seed for an accelerator that is not in use yet.
    torch.default_generator.manual_seed(seed)
    module = _module()
    if module is not None:
        manual_seed = module.manual_seed_all if hasattr(module, "manual_seed_all") else module.manual_seed
        manual_seed(seed)


def _module() -> ModuleType | None:
    """Return the module of the accelerator (``torch.cuda``, ``torch.mps``, ...), None where none is in use."""
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is None:
        return None
    module: ModuleType = torch.get_device_module(accelerator)
    return module if getattr(module, "is_initialized", lambda: True)() else None


def _count() -> int:
    module = _module()
    return 0 if module is None else int(module.device_count())


def _arguments(module: ModuleType, device: int | None) -> tuple[int, ...]:
    if module.__name__ == "torch.mps":  # which has one device and one generator
        return ()
    return (int(module.current_device()) if device is None else device,)
