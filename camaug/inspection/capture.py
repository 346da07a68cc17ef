"""A layer's output, captured or changed during a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.main_output import main_output, with_main_output

__all__ = ["Captured", "capture", "replace_output"]


@dataclass
class Captured:
    """Output of a layer in the forward pass inside :func:`capture`."""

    output: Tensor = field(init=False)


@contextmanager
def capture(layer: nn.Module, *, gradients: bool) -> Iterator[Captured]:
    """Capture a layer's output in the forward pass that runs inside the block.

    With ``gradients``, the autograd graph begins at the layer: everything before it runs without a graph, and its
    output is a leaf, so ``torch.autograd.grad`` computes nothing below it. If a graph has begun already, as after an
    earlier captured layer, the output is a part of that graph. Use it inside
    :func:`~camaug.inspection.neutral.neutral`, which restores the autograd mode.

    Args:
        layer: The layer. If it is called several times, the last call counts. If it outputs a tuple, its first tensor
            is captured.
        gradients: Whether gradients with respect to the output will be computed.

    Yields:
        A record whose ``output`` is set once the layer has been called.

    Raises:
        ValueError: If the layer outputs neither a tensor nor a tuple that begins with one, or was not called.
    """
    captured = Captured()

    def keep(module: nn.Module, inputs: Any, output: Any) -> Any:
        tensor = main_output(output)
        if tensor is None:
            raise ValueError(
                f"the layer {type(module).__name__} outputs a {type(output).__name__}, expected a tensor or a tuple "
                "that begins with one: name a layer inside it or after it"
            )
        captured.output = tensor
        if not tensor.requires_grad:
            captured.output = tensor.detach()
            if gradients:
                torch.set_grad_enabled(True)
                captured.output.requires_grad_()
        # The model goes on with a copy, since an in-place activation after the layer would overwrite the original.
        return with_main_output(output, captured.output.clone())

    before = torch.is_grad_enabled()
    try:
        with layer.register_forward_hook(keep):
            yield captured
    finally:
        torch.set_grad_enabled(before)
    if not hasattr(captured, "output"):
        raise ValueError(f"the layer {type(layer).__name__} was not called in the forward pass: choose another layer")


@contextmanager
def replace_output(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace a layer's output by a changed one inside the block.

    Args:
        layer: The layer. If it outputs a tuple, its first tensor is changed.
        change: Function from the output to the changed output. It must not write into the output.
    """

    def replace(module: nn.Module, inputs: Any, output: Any) -> Any:
        tensor = main_output(output)
        return output if tensor is None else with_main_output(output, change(tensor))

    with layer.register_forward_hook(replace):
        yield
