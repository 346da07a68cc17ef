"""The simulated device as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.simulated_device.backend import BACKEND, DEVICE, MISSING
from tests.simulated_device.device import SimulatedDevice


@pytest.fixture
def device() -> Iterator[SimulatedDevice]:
    """Return the simulated device, which may be used during the test."""
    if BACKEND is None:
        pytest.skip(MISSING)
    with SimulatedDevice() as device:
        yield device


@pytest.fixture
def default_device(device: SimulatedDevice) -> Iterator[SimulatedDevice]:
    """Return the simulated device, on which new tensors are created unless a test says otherwise."""
    torch.set_default_device(DEVICE)
    yield device
    torch.set_default_device(None)


@pytest.fixture
def device_without_float64() -> Iterator[SimulatedDevice]:
    """Return the simulated device as a device that has no float64, like MPS."""
    if BACKEND is None:
        pytest.skip(MISSING)
    with SimulatedDevice(refuses_float64=True) as device:
        yield device
