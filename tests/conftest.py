"""Fixtures of all tests: seeds, small networks, signals, and a check that a model is unchanged."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.chromium import INSTALL, find_chromium
from tests.processes import default_signals, run_program, stop_program_server
from tests.toys import Fuse, Restless, TinyNet


def pytest_report_header() -> str:
    """Say which browser the tests of the tab will drive, or how to install one."""
    chromium = find_chromium()
    return f"browser: {chromium or f'none, so its tests are skipped: {INSTALL}'}"


def pytest_unconfigure() -> None:
    stop_program_server()


@pytest.fixture(scope="session")
def browser():
    """Start Chromium, once for all tests of a process, because Playwright allows one session at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as session:
        browser = session.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(name="default_signals")
def _default_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP act as in a terminal during the test and in its processes."""
    with default_signals():
        yield


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


@pytest.fixture
def restless_net() -> nn.Module:
    """Return a network that each call changes, with mixed training modes, frozen weights and accumulated gradients."""
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


@pytest.fixture
def forked_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the training runs of a comparison from a server, because new interpreters take long to start."""

    def run(command: list[str], stdout: TextIO | None = None, **settings: Any) -> subprocess.CompletedProcess[str]:
        done = run_program(*command[1:], cwd=Path.cwd())
        if stdout is not None:
            stdout.write(done.stdout)
        return done

    monkeypatch.setattr("camaug.experiments.comparison_folder.subprocess.run", run)


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
    """Return everything that explaining must leave unchanged, with tensors by identity and by bits."""

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
        changed = [name for name in before if before[name] != after[name]]
        assert not changed, f"the block changed {', '.join(changed)}"


@pytest.fixture
def bfloat16_by_default() -> Callable[[], AbstractContextManager[None]]:
    """Return a context manager in which new tensors are bfloat16, as in Lightning's ``bf16-true``."""
    return _bfloat16_by_default


@contextmanager
def _bfloat16_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.bfloat16)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture
def unchanged() -> Callable[[nn.Module], AbstractContextManager[None]]:
    """Return a context manager that fails if its block changes the model or the state of the process."""
    return _unchanged
