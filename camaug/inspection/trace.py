"""Record of every module's output in one forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.main_output import main_output

__all__ = ["Call", "Forward", "Trace", "trace", "trace_noise"]

Forward = Callable[[Tensor], Tensor]

_PADDING = (
    nn.modules.padding._CircularPadNd,
    nn.modules.padding._ConstantPadNd,
    nn.modules.padding._ReflectionPadNd,
    nn.modules.padding._ReplicationPadNd,
)
_PASSIVE = (nn.Identity, nn.Flatten, nn.modules.dropout._DropoutNd, *_PADDING)


@dataclass(frozen=True)
class Call:
    """One call of a module that output a tensor, or a block's tuple that begins with one.

    Attributes:
        name: The module's qualified name.
        module: The module.
        index: Number of earlier calls of the same module.
        shape: Shape of the output.
        output: A copy of the output, since later in-place layers may overwrite it. None if it cannot be a target
            layer's: after pooling, padding, dropout and identity layers, and where it has neither three nor four
            dimensions.
        input: The input that has the output's shape, if there is one.
        is_leaf: Whether the module has no modules inside.
        has_weights: Whether the module has parameters of its own, outside the modules inside it.
    """

    name: str
    module: nn.Module
    index: int
    shape: torch.Size
    output: Tensor | None
    input: Tensor | None
    is_leaf: bool
    has_weights: bool

    @property
    def kept_output(self) -> Tensor:
        """The output, of a call whose output was kept."""
        if self.output is None:
            raise ValueError(f"the output of {self.name} was not kept")
        return self.output


@dataclass(frozen=True)
class Trace:
    """Record of one forward pass.

    Attributes:
        images: The image that was traced, (1, C, H, W).
        calls: Calls of modules, in the order in which they ended.
        logits: The output of the forward pass.
        intermediates: The feature maps (1, K, h, w) that timm's ``forward_intermediates`` gives for the same input.
            Empty if no module has that method.
    """

    images: Tensor
    calls: list[Call]
    logits: Any
    intermediates: list[Tensor]


def trace(model: nn.Module, forward: Forward, images: Tensor) -> Trace:
    """Run one forward pass and record every module's output.

    Args:
        model: The model.
        forward: The function from images to logits.
        images: One image, (1, C, H, W).
    """
    recorder = _Recorder()
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if name:
                hook = partial(recorder.record_call, name)
                hooks.enter_context(module.register_forward_hook(hook, with_kwargs=True))
        for module in _modules_with_intermediates(model):
            hooks.enter_context(module.register_forward_hook(recorder.record_intermediates))
        logits = forward(images)
    return Trace(images, recorder.calls, logits, recorder.intermediates)


def trace_noise(model: nn.Module, forward: Forward, images: Tensor) -> Trace:
    """Trace an image of noise, whose pixels all differ, or the given image if the model refuses noise.

    Args:
        model: The model.
        forward: The function from images to logits.
        images: One image, (1, C, H, W). The noise has its shape, dtype and device.
    """
    if not images.is_floating_point():
        return trace(model, forward, images)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(images.shape, dtype=torch.float32, generator=generator, device="cpu").to(images)
    try:
        return trace(model, forward, noise)
    except Exception:  # a model may raise anything; if it fails on the image too, the user sees that error
        return trace(model, forward, images)


class _Recorder:
    """Forward hooks that record calls of modules and timm's intermediate feature maps."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.intermediates: list[Tensor] = []
        self._counts: Counter[nn.Module] = Counter()
        self._last_output: Tensor | None = None
        self._last_was_pooled = False
        self._is_paused = False

    def record_call(
        self, name: str, module: nn.Module, inputs: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """Record a module's call. ``name`` is bound, the rest is a hook's signature."""
        if self._is_paused:
            return
        index = self._counts[module]
        self._counts[module] += 1
        if isinstance(output, tuple):
            output = _block_output(output, inputs, kwargs)
        if not isinstance(output, Tensor):
            return
        is_passive = self._is_pooled(module, output) or isinstance(module, _PASSIVE)
        is_kept = output.dim() in (3, 4) and output.shape[0] == 1 and not is_passive
        self.calls.append(
            Call(
                name,
                module,
                index,
                output.shape,
                output.detach().clone() if is_kept else None,
                _input_like(output, inputs, kwargs) if is_kept else None,
                is_leaf=next(module.children(), None) is None,
                has_weights=next(module.parameters(recurse=False), None) is not None,
            )
        )

    def record_intermediates(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Call ``forward_intermediates`` right after the module itself, with the same input in the same precision."""
        self._is_paused = True
        try:
            outputs = module.forward_intermediates(inputs[0], norm=False, output_fmt="NCHW", intermediates_only=True)
            self.intermediates += [maps for maps in outputs if isinstance(maps, Tensor) and maps.dim() == 4]
        except Exception:  # a method of that name may be anything, and the calls are recorded without it
            return
        finally:
            self._is_paused = False

    def _is_pooled(self, module: nn.Module, output: Tensor) -> bool:
        """Return True for pooling layers, and for containers that return a pooling layer's output as it is."""
        is_handed_on = self._last_output is output and self._last_was_pooled
        is_pooled = is_handed_on or "pool" in type(module).__name__.lower()
        self._last_output, self._last_was_pooled = output, is_pooled
        return is_pooled


def _block_output(output: tuple[Any, ...], inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the tensor with which a tuple begins if the module is a block, whose input has the same shape, or None."""
    features = main_output(output)
    source = None if features is None else _input_like(features, inputs, kwargs)
    return None if source is None or source is features else features


def _input_like(output: Tensor, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the first input tensor that has the output's shape."""
    tensors = (tensor for tensor in (*inputs, *kwargs.values()) if isinstance(tensor, Tensor))
    return next((tensor for tensor in tensors if tensor.shape == output.shape), None)


def _modules_with_intermediates(module: nn.Module) -> list[nn.Module]:
    """Return the outermost modules that have a method ``forward_intermediates``."""
    if callable(getattr(module, "forward_intermediates", None)):
        return [module]
    return [host for child in module.children() for host in _modules_with_intermediates(child)]
