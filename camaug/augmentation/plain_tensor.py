"""Removal of tensor subclasses."""

from __future__ import annotations

from torch import Tensor

__all__ = ["plain_tensor"]


def plain_tensor(tensor: Tensor) -> Tensor:
    """Return a tensor without its subclass (MONAI's ``MetaTensor``, torchvision's ``tv_tensors``), on the same memory.

    Example:
        >>> import torch
        >>> from torchvision import tv_tensors
        >>> type(plain_tensor(tv_tensors.Image(torch.zeros(3, 2, 2))))
        <class 'torch.Tensor'>
    """
    return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)
