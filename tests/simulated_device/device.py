"""A second device where there is none: real numbers, an accelerator's rules, and counts of what costs time on one."""

from __future__ import annotations

import traceback
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from camaug.utils.replaced_attribute import replaced_attribute
from tests.simulated_device.backend import BACKEND, NAME
from tests.simulated_device.simulated_tensor import is_on_device, run, tensors_of

__all__ = ["UNPINNED", "SimulatedDevice"]

UNPINNED = "to the device, from memory that is not pinned"
ROOT = str(Path(__file__).parents[2])
WAITING_OPERATIONS = (
    "aten::_linalg_eigh",
    "aten::_linalg_svd",
    "aten::_local_scalar_dense",
    "aten::_unique2",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
    "aten::nonzero",
    "aten::repeat_interleave",
    "aten::unique_consecutive",
    "aten::unique_dim",
)
SHAPED_OPERATIONS = ("aten::addmm", "aten::bmm", "aten::convolution", "aten::mm", "aten::native_layer_norm")


class SimulatedDevice(TorchDispatchMode):
    """Context in which the simulated device may be used, and in which its operations are counted.

    A tensor on the device keeps a CPU tensor inside. An operation with tensors of both devices is refused as CUDA
    refuses it. The device has a generator of its own.

    Args:
        refuses_float64: True to refuse float64 tensors, as MPS does.

    Attributes:
        waits: Number of synchronisations of the host with the device, by kind and line of the project.
        copies: Number of copies from the host to the device, by line of the project.
        operations: Number of operations on the device other than views.
        shapes: Shapes of the operands of convolutions and matrix products, by operation.
    """

    def __init__(self, *, refuses_float64: bool = False) -> None:
        super().__init__()
        self.waits: Counter[tuple[str, str]] = Counter()
        self.copies: Counter[str] = Counter()
        self.operations = 0
        self.shapes: set[tuple[Any, ...]] = set()
        self._refuses_float64 = refuses_float64
        self._generators: list[torch.Generator] = []
        self._pinned = WeakTensorKeyDictionary()
        self._stack = ExitStack()

    def __enter__(self) -> SimulatedDevice:
        assert BACKEND is not None
        self._stack.enter_context(replaced_attribute(BACKEND, "in_use", True))
        self._stack.enter_context(replaced_attribute(torch, "Generator", _generator_class(self._generators)))
        torch._C._set_only_lift_cpu_tensors(True)  # so that `torch.tensor(..., device=DEVICE)` is dispatched
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch._C._set_only_lift_cpu_tensors(False)
        self._stack.close()

    def reset(self) -> None:
        """Set all counts to zero."""
        self.waits.clear()
        self.copies.clear()
        self.shapes.clear()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        name, kwargs = func._schema.name, kwargs or {}
        tensors = tensors_of((args, kwargs))
        if name == "aten::is_pinned":
            return tensors[0] in self._pinned
        if name == "aten::_pin_memory":
            pinned = tensors[0].clone()
            self._pinned[pinned] = True
            return pinned
        self._count(func, name, args, kwargs, tensors)
        result = run(func, args, kwargs, tuple(self._generators))
        if self._refuses_float64 and any(is_on_device(t) and t.dtype == torch.float64 for t in tensors_of(result)):
            raise TypeError(f"{name}: {NAME} has no float64, at {_line_of_project()}")
        return result

    def _count(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> None:
        is_here = [is_on_device(tensor) for tensor in tensors]
        to_device = kwargs.get("device") is not None and torch.device(kwargs["device"]).type == NAME
        self.operations += (any(is_here) or to_device) and not func.is_view
        if name in SHAPED_OPERATIONS and any(is_here):
            self.shapes.add((name, *(tuple(tensor.shape) for tensor in tensors)))
        kind = ""
        if name in ("aten::_to_copy", "aten::copy_", "aten::_foreach_copy_"):
            kind = self._kind_of_copy(name, args, kwargs, to_device=to_device, is_here=is_here)
        elif any(is_here) and (name in WAITING_OPERATIONS or _has_mask_as_index(name, tensors)):
            kind = name.removeprefix("aten::")
        elif any(is_here) and name.startswith("aten::index") and not all(is_here[1:]):
            kind = "index in main memory"
        if kind:
            self.waits[kind, _line_of_project()] += 1

    def _kind_of_copy(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, to_device: bool, is_here: list[bool]
    ) -> str:
        """Return the kind of wait of a copy between the devices, an empty string if the host does not wait."""
        if name == "aten::_to_copy":
            if kwargs.get("device") is None or to_device == is_here[0]:
                return ""
            is_read, source = is_here[0], args[0]
        elif len(set(is_here)) < 2:
            return ""
        else:
            is_read, source = not is_here[0], args[1]
        if is_read:
            return "to the host"
        self.copies[_line_of_project()] += 1
        in_place = args[2] if len(args) > 2 else False
        if not kwargs.get("non_blocking", in_place):
            return "to the device"
        return "" if source in self._pinned else UNPINNED


def _generator_class(of_device: list[torch.Generator]) -> type:
    """Return a class that creates generators, and appends those of the device to a list.

    Backends in Python cannot create generators.
    """

    class GeneratorMeta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, torch._C.Generator)

    class Generator(metaclass=GeneratorMeta):
        def __new__(cls, device: Any = "cpu") -> Any:
            generator = torch._C.Generator()
            if torch.device(device).type == NAME:
                of_device.append(generator)
            return generator

    return Generator


def _has_mask_as_index(name: str, tensors: list[Tensor]) -> bool:
    # With `index_put_` the last tensor is the values.
    is_put = name in ("aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
    indices = tensors[1:-1] if is_put else tensors[1:] if name == "aten::index" else []
    return any(index.dtype in (torch.bool, torch.uint8) for index in indices)


def _line_of_project() -> str:
    """Return the innermost file and line of the project outside its tests, of the tests if there is none."""
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_stack(None)]
    own = [f"{file.removeprefix(ROOT)[1:]}:{line}" for file, line in lines if file.startswith(ROOT + "/")]
    own = [each for each in own if ".venv" not in each and "tests/simulated_device/" not in each]
    return next((each for each in own if not each.startswith("tests/")), own[0] if own else "elsewhere")
