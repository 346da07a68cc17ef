"""A device whose tensors hold a CPU tensor each, and a process group that takes no others, as NCCL takes the GPU's."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric.utilities.distributed import _init_dist_connection
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from benchmarks.recording_group import RecordingGroup, register

KIND = "remote"
BACKEND = "refusing"


class _Module(_DummyBackendModule):
    """The device's module, ``torch.remote``."""

    __name__ = f"torch.{KIND}"
    generator = torch.Generator()

    def current_device(self) -> int:
        return 0

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def get_rng_state(self, device: int = 0) -> Tensor:
        return self.generator.get_state()

    def set_rng_state(self, state: Tensor, device: int = 0) -> None:
        self.generator.set_state(state)


class OnDevice(Tensor):
    """A tensor on the device."""

    def __new__(cls, inner: Tensor) -> OnDevice:
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        self = Tensor._make_wrapper_subclass(cls, inner.shape, device=torch.device(KIND, 0), **layout)
        self.inner = inner
        return self

    def tolist(self) -> Any:
        return self.cpu().tolist()

    __torch_dispatch__ = classmethod(lambda cls, func, types, args=(), kwargs=None: _run(func, args, kwargs or {}))


class DeviceMode(TorchDispatchMode):
    """Block in which the device exists."""

    def __enter__(self) -> DeviceMode:
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) then comes by here
        return super().__enter__()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class RefusingGroup(RecordingGroup):
    """Process group of tensors on the device, without gaps."""

    @property
    def _device_types(self) -> list[torch.device]:
        return [torch.device(KIND)]  # where PyTorch puts the objects that it sends

    def run(self, operation: str, *arguments: Any) -> Any:
        for tensor in tree_leaves(arguments):
            if isinstance(tensor, Tensor):
                if not isinstance(tensor, OnDevice):
                    raise RuntimeError(f"no backend type associated with device type {tensor.device.type}")
                if not tensor.is_contiguous():
                    raise ValueError("tensors must be contiguous")
        return super().run(operation, *tree_map(_inner, arguments))


class DeviceStrategy(DDPStrategy):
    """DDP with everything on the device, but the wrapper, whose gradient buckets need memory of a real device."""

    def __init__(self) -> None:
        super().__init__(accelerator=_Accelerator(), process_group_backend=BACKEND)

    @property
    def root_device(self) -> torch.device:
        return torch.device(KIND, 0)

    def setup_distributed(self) -> None:
        self.set_world_ranks()
        _init_dist_connection(self.cluster_environment, BACKEND)  # without a device, which must be the build's kind

    def _setup_model(self, model: torch.nn.Module) -> torch.nn.Module:
        return model


class _Accelerator(CPUAccelerator):
    def setup_device(self, device: torch.device) -> None:
        pass


def make_device() -> None:
    """Make the device and its process group known to PyTorch, in this process for good."""
    _setup_privateuseone_for_python_backend(KIND, _Module())
    register(BACKEND, RefusingGroup, KIND)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnDevice) else value


def _outer(value: Any, known: dict[int, OnDevice]) -> Any:
    if not isinstance(value, Tensor):
        return value
    return known[id(value)] if id(value) in known else OnDevice(value)


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    here = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    device = kwargs.get("device") and torch.device(kwargs["device"]).type
    if not here and device != KIND:
        return func(*args, **kwargs)
    args_inside, kwargs_inside = tree_map(_inner, (args, kwargs))
    if device == KIND:
        kwargs_inside["device"] = torch.device("cpu")
    result = func(*args_inside, **kwargs_inside)
    if device == "cpu":
        return result.clone()
    known = {id(tensor.inner): tensor for tensor in here}
    wrapped = tree_map(lambda x: _outer(x, known), result)
    result = args[0] if func._schema.name == "aten::copy_" else wrapped
    return return_and_correct_aliasing(func, args, kwargs, result) if len(here) == len(tensors) > 0 else result
