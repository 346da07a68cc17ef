"""The tensor that a layer's output is, or begins with."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["main_output", "with_main_output"]


def main_output(output: Any) -> Tensor | None:
    """Return a layer's output, the first tensor of a tuple, or None for any other output.

    Blocks of Hugging Face return their hidden states in a tuple, with attention weights after them.

    Args:
        output: The output of a module's forward.

    Example:
        >>> import torch
        >>> main_output((torch.ones(2), None))
        tensor([1., 1.])
    """
    if isinstance(output, tuple) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


def with_main_output(output: Any, tensor: Tensor) -> Any:
    """Return a layer's output with another tensor in place of the main one.

    Args:
        output: An output whose :func:`main_output` is a tensor.
        tensor: The new tensor.

    Example:
        >>> import torch
        >>> with_main_output((torch.ones(2), None), torch.zeros(2))
        (tensor([0., 0.]), None)
    """
    if not isinstance(output, tuple):
        return tensor
    rest = output[1:]
    return type(output)(tensor, *rest) if hasattr(output, "_fields") else (tensor, *rest)
