"""Tensors on the simulated device, and operations with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing

from tests.simulated_device.backend import BACKEND, DEVICE, NAME

__all__ = ["DeviceMismatchError", "SimulatedTensor", "is_on_device", "run", "tensors_of"]

TAKES_TENSORS_OF_BOTH = ("aten::_to_copy", "aten::copy_", "aten::_foreach_copy_")
TAKES_INDICES_OF_BOTH = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


class DeviceMismatchError(RuntimeError):
    """Error of an operation with tensors of two devices."""


class SimulatedTensor(Tensor):
    """Tensor on the simulated device, with its numbers in a CPU tensor.

    Attributes:
        inner: The CPU tensor.
    """

    inner: Tensor

    def __new__(cls, inner: Tensor) -> SimulatedTensor:
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        self = Tensor._make_wrapper_subclass(cls, inner.shape, device=DEVICE, **layout)
        self.inner = inner
        return self

    def as_subclass(self, cls: type) -> Any:
        """Return the tensor as one of a subclass, which PyTorch cannot for a tensor with its own dispatch."""
        return (SimulatedTensor if cls is Tensor else _simulated(cls))(self.inner)

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.dim() == 0 else f"{tuple(self.shape)} on {NAME}", spec)

    __repr__ = __str__ = lambda self, **_: f"{tuple(self.shape)} on {NAME}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {}, generators=())


@cache
def _simulated(cls: type) -> type[SimulatedTensor]:
    """Return a subclass of tensors, on the simulated device."""
    return cls if issubclass(cls, SimulatedTensor) else type(f"Simulated{cls.__name__}", (cls, SimulatedTensor), {})


def tensors_of(arguments: object) -> list[Tensor]:
    """Return the tensors among the arguments of an operation."""
    if isinstance(arguments, Tensor):
        return [arguments]
    parts = arguments.values() if isinstance(arguments, dict) else arguments
    return [each for part in parts for each in tensors_of(part)] if isinstance(arguments, tuple | list | dict) else []


def _mapped(change: Callable[[Tensor], Tensor], arguments: Any) -> Any:
    """Return the arguments of an operation, or its results, with their tensors changed."""
    if isinstance(arguments, Tensor):
        return change(arguments)
    if isinstance(arguments, dict):
        return {name: _mapped(change, value) for name, value in arguments.items()}
    return (
        type(arguments)(_mapped(change, each) for each in arguments)
        if isinstance(arguments, tuple | list)
        else arguments
    )


@cache
def _aliases_inputs(func: Any) -> bool:
    """Return True if a result of an operation shares the memory of an input."""
    return any(each.alias_info is not None for each in func._schema.returns)


def is_on_device(tensor: Tensor) -> bool:
    """Return True if a tensor is on the simulated device."""
    return isinstance(tensor, SimulatedTensor)


def run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], generators: tuple[torch.Generator, ...]) -> Any:
    """Run an operation whose inputs, or whose result, may be on the simulated device.

    Args:
        func: The operation.
        args: Its positional arguments.
        kwargs: Its named arguments.
        generators: Generators that count as the device's.

    Raises:
        DeviceMismatchError: If tensors, or a generator, are on another device than the operation. CPU tensors without
            dimensions are allowed, as with CUDA.
    """
    tensors = tensors_of((args, kwargs))
    on_device = [tensor for tensor in tensors if is_on_device(tensor)]
    device = None if kwargs.get("device") is None else torch.device(kwargs["device"]).type
    name = func._schema.name
    if device is None and name.startswith("aten::_pin_memory"):
        device = "cpu"
    _check_generator(name, kwargs, generators, is_here=device == NAME or (bool(on_device) and device is None))
    if not on_device and device != NAME:
        return func(*args, **kwargs)
    _check_devices(name, args, tensors)
    inner_args, inner_kwargs = _mapped(lambda x: x.inner if isinstance(x, SimulatedTensor) else x, (args, kwargs))
    if device == NAME:
        inner_kwargs["device"] = torch.device("cpu")
    with _random_numbers_of_device(func, kwargs):
        result = func(*inner_args, **inner_kwargs)
    if device == "cpu":
        return result.clone()
    return _wrapped(func, args, kwargs, result, has_only_device_tensors=0 < len(tensors) == len(on_device))


def _wrapped(func: Any, args: Any, kwargs: Any, result: Any, *, has_only_device_tensors: bool) -> Any:
    known = {id(tensor.inner): tensor for tensor in tensors_of((args, kwargs)) if isinstance(tensor, SimulatedTensor)}
    result = _mapped(lambda x: known[id(x)] if id(x) in known else SimulatedTensor(x), result)
    if func._schema.name == "aten::copy_":
        return args[0]
    is_aliased = has_only_device_tensors and _aliases_inputs(func)
    return return_and_correct_aliasing(func, args, kwargs, result) if is_aliased else result


def _check_devices(name: str, args: tuple[Any, ...], tensors: list[Tensor]) -> None:
    is_mixed = any(tensor.dim() and not is_on_device(tensor) for tensor in tensors)
    is_indexed_here = name in TAKES_INDICES_OF_BOTH and is_on_device(args[0])
    if is_mixed and any(map(is_on_device, tensors)) and not (name in TAKES_TENSORS_OF_BOTH or is_indexed_here):
        raise DeviceMismatchError(f"{name} of {[(tuple(t.shape), t.device.type) for t in tensors]}")


def _check_generator(name: str, kwargs: dict[str, Any], generators: tuple[torch.Generator, ...], is_here: bool) -> None:
    generator = kwargs.get("generator")
    if generator is not None and is_here != any(generator._cdata == each._cdata for each in generators):
        here, there = (NAME, "CPU") if is_here else ("CPU", NAME)
        raise DeviceMismatchError(f"{name} on {here} with a generator of {there}")


@contextmanager
def _random_numbers_of_device(func: Any, kwargs: dict[str, Any]) -> Iterator[None]:
    """Draw random numbers without a generator of their own from the device's generator."""
    if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
        yield
        return
    assert BACKEND is not None
    of_cpu = torch.default_generator.get_state()
    torch.default_generator.set_state(BACKEND.generator.get_state())
    try:
        yield
    finally:
        BACKEND.generator.set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(of_cpu)
