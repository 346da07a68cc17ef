"""Record of the calls by which a training step classifies its images."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any, NamedTuple

import lightning as L
from torch import Tensor, nn

from camaug.inspection.model_output import read_logits
from camaug.utils.replaced_attribute import replaced_attribute

from .._trainer.has_own_forward import has_own_forward

__all__ = ["ClassifierRecorder", "RecordedCall"]


class RecordedCall(NamedTuple):
    """A call of a module.

    Attributes:
        module: The module.
        tensors: Its direct arguments that are tensors.
        output: Its output, part of the step's graph.
    """

    module: nn.Module
    tensors: list[Tensor]
    output: Any


class ClassifierRecorder:
    """Record of a training step's calls of the module or, if it has no forward, of its submodules.

    Only calls from outside of any recorded module count. The hooks exist during a step alone, and a copy of the module
    has none that records. A step that calls ``self.forward`` passes the hooks by, so that :meth:`watch` may replace it.

    Args:
        pl_module: The module.

    Attributes:
        calls: The calls of the last recorded step, in the order of their ends.
    """

    def __init__(self, pl_module: L.LightningModule) -> None:
        self._module = pl_module
        self._recorded: tuple[nn.Module, ...] | None = (pl_module,) if has_own_forward(pl_module) else None
        self._can_replace_forward = has_own_forward(pl_module) and "forward" not in vars(pl_module)
        self._replaces_forward = False
        self._has_watched = False
        self._depth = 0
        self.calls: list[RecordedCall] = []

    @property
    def has_watched(self) -> bool:
        """True if the submodules that the step calls are known."""
        return self._has_watched

    def watch(self, *, own_forward: bool = False) -> None:
        """Find the submodules that the step calls, during the next recorded step.

        Args:
            own_forward: True to record calls of ``self.forward`` in place of the submodules' calls inside them.
        """
        self._recorded, self._has_watched = None, False
        self._replaces_forward = own_forward and self._can_replace_forward

    def clear(self) -> None:
        """Delete the recorded calls."""
        self.calls, self._depth = [], 0

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Inside the block, record a training step."""
        self.clear()
        watching = self._recorded is None
        modules: Sequence[nn.Module] = _submodules(self._module) if self._recorded is None else self._recorded
        with ExitStack() as hooks:
            if self._replaces_forward:
                replacement = _RecordedForward(self, self._module)
                hooks.enter_context(replaced_attribute(self._module, "forward", replacement))
                modules = [module for module in modules if module is not self._module]
            for module in modules:
                hooks.callback(module.register_forward_pre_hook(_Hook(self, "_enter"), with_kwargs=True).remove)
                hooks.callback(module.register_forward_hook(_Hook(self, "_leave"), with_kwargs=True).remove)
            yield
        if watching:
            self._recorded, self._has_watched = tuple({call.module: None for call in self.calls}), True

    def classifier(self, images: Tensor) -> nn.Module | None:
        """Return the one recorded module from images to logits, or None if there is none.

        Args:
            images: The step's images, (N, C, H, W).
        """
        if not all(_takes_images(call, images) for call in self.calls):
            return None  # a backbone and a head
        return next((call.module for call in self.calls if requires_grad(call.output)), None)

    def names(self) -> list[str]:
        """Return the names of the recorded modules."""
        names = {part: name for name, part in self._module.named_modules()}
        return list(dict.fromkeys(names.get(call.module) or "forward" for call in self.calls))

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._depth += 1

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._depth -= 1
        # Under DDP the module's own call also contains the whole step, with the batch as its argument.
        if self._depth == 0 or module is self._module:
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
            self.calls.append(RecordedCall(module, tensors, output))


class _RecordedForward:
    """The module's forward, with its calls recorded. A copy is the copied module's own forward."""

    def __init__(self, recorder: ClassifierRecorder, module: nn.Module) -> None:
        self._recorder, self._module, self._forward = recorder, module, module.forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._recorder._enter(self._module, args, kwargs)
        output = self._forward(*args, **kwargs)
        self._recorder._leave(self._module, args, kwargs, output)
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _own_forward(copy.deepcopy(self._module, memo))

    def __reduce__(self) -> Any:
        return _own_forward, (self._module,)


class _Hook:
    """Hook that calls a method of the recorder. A copy does nothing, because a copied module is not the step's."""

    def __init__(self, recorder: ClassifierRecorder, method: str) -> None:
        self._call = getattr(recorder, method)

    def __call__(self, *args: Any) -> None:
        self._call(*args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _do_nothing

    def __reduce__(self) -> Any:
        return _no_hook, ()


def requires_grad(output: Any) -> bool:
    """Return True if a module's output has logits that are part of a graph, unlike those of a frozen teacher."""
    try:
        return read_logits(output).requires_grad
    except (TypeError, ValueError):
        return False


def _submodules(pl_module: nn.Module) -> list[nn.Module]:
    """Return the submodules that learn something: losses and metrics take no part in classifying.

    A transformer layer leaves its fast path if it or a part of it has a hook.
    """
    parts = {
        part
        for layer in pl_module.modules()
        if isinstance(layer, nn.TransformerEncoderLayer)
        for part in layer.modules()
    }
    return [
        module
        for module in pl_module.modules()
        if module is not pl_module and module not in parts and any(True for _ in module.parameters())
    ]


def _takes_images(call: RecordedCall, images: Tensor) -> bool:
    return any(tensor.dim() == 4 and tensor.shape[1] == images.shape[1] for tensor in call.tensors)


def _own_forward(module: nn.Module) -> Any:
    """Return the forward that the module's class defines."""
    return MethodType(type(module).forward, module)


def _do_nothing(*args: Any) -> None:
    """Record nothing."""


def _no_hook() -> Any:
    """Return the hook of a copied module."""
    return _do_nothing
