"""Process group that takes tensors of the simulated device only, as NCCL takes a GPU's, and a strategy that uses it."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric.utilities.distributed import _init_dist_connection
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from benchmarks.recording_group import RecordingGroup, register
from tests.simulated_device.backend import DEVICE, NAME
from tests.simulated_device.simulated_tensor import SimulatedTensor
from tests.simulated_device.training import SimulatedAccelerator

BACKEND = "refusing"


class RefusingGroup(RecordingGroup):
    """Process group of tensors on the simulated device, without gaps."""

    @property
    def _device_types(self) -> list[torch.device]:
        return [torch.device(NAME)]  # where PyTorch puts the objects that it sends

    def run(self, operation: str, *arguments: Any) -> Any:
        for tensor in tree_leaves(arguments):
            if isinstance(tensor, Tensor):
                if not isinstance(tensor, SimulatedTensor):
                    raise RuntimeError(f"no backend type associated with device type {tensor.device.type}")
                if not tensor.is_contiguous():
                    raise ValueError("tensors must be contiguous")
        return super().run(operation, *tree_map(_inner, arguments))


class DeviceStrategy(DDPStrategy):
    """DDP with everything on the device, but the wrapper, whose gradient buckets need memory of a real device."""

    def __init__(self) -> None:
        super().__init__(accelerator=SimulatedAccelerator(), process_group_backend=BACKEND)

    @property
    def root_device(self) -> torch.device:
        return DEVICE

    def setup_distributed(self) -> None:
        self.set_world_ranks()
        _init_dist_connection(self.cluster_environment, BACKEND)  # without a device, which must be the build's kind

    def _setup_model(self, model: torch.nn.Module) -> torch.nn.Module:
        return model


def register_refusing_group() -> None:
    """Make the group known to ``torch.distributed``."""
    register(BACKEND, RefusingGroup, NAME)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, SimulatedTensor) else value
