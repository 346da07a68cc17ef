"""Small networks, and the checker of what every test of neutrality relies on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


class TinyNet(nn.Module):
    """Two convolutions with batch-norm; images (N, 3, H, W) to features (N, 12, H/4, W/4) to 5 logits."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace))
        self.body = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(inplace))
        self.head = nn.Linear(12, 5)
        with torch.no_grad():
            self.head.weight.mul_(20)  # decided answers: the gains of Group-CAM are then well above rounding

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(self.stem(images)).mean(dim=(2, 3)))


@pytest.fixture
def make_net() -> Callable[..., nn.Module]:
    def make(seed: int = 0, **settings: Any) -> nn.Module:
        torch.manual_seed(seed)
        return TinyNet(**settings).eval()

    return make


@pytest.fixture
def net(make_net: Callable[..., nn.Module]) -> nn.Module:
    return make_net()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Restless(nn.Module):
    """Changes its own buffers and draws from every random-number generator at each call."""

    written: Tensor
    replaced: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("written", torch.zeros(()))
        self.register_buffer("replaced", torch.zeros(2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.written += 1
        self.replaced = self.replaced + 1
        return x + 0.01 * (torch.rand(()) + random.random() + np.random.rand())


class Fuse(nn.Module):
    """Raises from its `after`-th call on; None never does."""

    after: int | None = None
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.after is not None and self.calls >= self.after:
            raise RuntimeError("fuse blown")
        return x


@pytest.fixture
def restless_net() -> nn.Module:
    """A network that looking would change in every way, in a mixed pattern of modes, with gradients accumulated."""
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(3, 8, 3, 2, 1))
    model.add_module("norm", nn.BatchNorm2d(8))
    model.add_module("restless", Restless())
    model.add_module("features", nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(inplace=True)))
    model.add_module("dropout", nn.Dropout(0.5))
    model.add_module("fuse", Fuse())
    model.add_module("pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    model.add_module("head", nn.Linear(12, 5))
    model(torch.rand(2, 3, 16, 16)).sum().backward()
    model.head.weight.grad = None
    model.features[0].requires_grad_(False)
    model.features[1].eval()
    model.pool.eval()
    return model


HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_state_dict_hooks",
)


def _state(model: nn.Module) -> dict[str, Any]:
    """Everything that looking must leave alone; tensors by identity and by bits."""

    def bits(tensor: Tensor | None) -> Any:
        return (
            None
            if tensor is None
            else (id(tensor), tensor.dtype, tensor.detach().flatten().view(torch.uint8).numpy().tobytes())
        )

    numpy_state = np.random.get_state()
    return {
        "modes": {name: module.training for name, module in model.named_modules()},
        "modules": {name: id(module) for name, module in model.named_modules()},
        "parameters": {name: (bits(p), p.requires_grad) for name, p in model.named_parameters()},
        "gradients": {name: bits(parameter.grad) for name, parameter in model.named_parameters()},
        "buffers": {name: bits(buffer) for name, buffer in model.named_buffers()},
        "hooks": {name: [list(getattr(m, kind)) for kind in HOOKS] for name, m in model.named_modules()},
        "tensor hooks": {name: dict(p._backward_hooks or {}) for name, p in model.named_parameters()},
        "global hooks": len(torch.nn.modules.module._global_forward_hooks),
        "torch's random numbers": torch.get_rng_state().numpy().tobytes(),
        "python's random numbers": random.getstate(),
        "numpy's random numbers": (numpy_state[0], numpy_state[1].tobytes(), *numpy_state[2:]),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "threads": torch.get_num_threads(),
    }


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    before = _state(model)
    try:
        yield
    finally:
        after = _state(model)
        changed = [what for what in before if before[what] != after[what]]
        assert not changed, f"looking changed {', '.join(changed)}"


@pytest.fixture
def unchanged() -> Callable[[nn.Module], AbstractContextManager[None]]:
    """`with unchanged(model):` fails if anything of the model or of the process is not as it was."""
    return _unchanged
