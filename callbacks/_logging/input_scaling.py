"""Scaling of images between a batch and the model's forward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from .._augmentation.classifier_recorder import RecordedCall

__all__ = ["InputScaling", "find_scaling"]

TOLERANCE = 1e-2


class InputScaling(NamedTuple):
    """Scaling of each channel: ``mean`` is subtracted, and the result divided by ``std``.

    Attributes:
        mean: (C,).
        std: (C,).
    """

    mean: Tensor
    std: Tensor

    def __str__(self) -> str:
        """Return the remedy: the callback's argument with this scaling."""
        values = (f"torch.tensor({[round(float(value), 4) for value in each]}).view(-1, 1, 1)" for each in self)
        return "forward=lambda module, images: module((images - {}) / {})".format(*values)


def find_scaling(images: Tensor, calls: Iterable[RecordedCall]) -> InputScaling | None:
    """Return the scaling by which a step made the images of its first call, or None if there is none.

    A step that changes images otherwise, as by random augmentation, has no scaling.

    Args:
        images: Images of the batch, (N, C, H, W).
        calls: The calls that the step made. They may have more images after the batch's.

    Example:
        >>> import torch
        >>> images = torch.rand(2, 3, 8, 8)
        >>> scaling = find_scaling(images, [RecordedCall(torch.nn.Identity(), [(images - 0.5) / 0.25], None)])
        >>> scaling.mean, scaling.std
        (tensor([0.5000, 0.5000, 0.5000]), tensor([0.2500, 0.2500, 0.2500]))
    """
    tensors = (tensor for call in calls for tensor in call.tensors)
    received = next((tensor for tensor in tensors if tensor.shape[1:] == images.shape[1:]), None)
    if received is None or len(received) < len(images) or not received.is_floating_point():
        return None
    before, after = (each.detach().float().transpose(0, 1).flatten(1) for each in (images, received[: len(images)]))
    centre_before, centre_after = before.mean(dim=1, keepdim=True), after.mean(dim=1, keepdim=True)
    variance = (before - centre_before).square().mean(dim=1, keepdim=True)
    factor = ((before - centre_before) * (after - centre_after)).mean(dim=1, keepdim=True) / variance
    predicted = (before - centre_before) * factor + centre_after
    spread = after.std(dim=1, keepdim=True)
    is_scaled = ((predicted - after).abs() < TOLERANCE * spread).all() and (factor > 0).all()
    is_same = ((before - after).abs() < TOLERANCE * spread).all()
    if not is_scaled or is_same:
        return None
    return InputScaling((centre_before - centre_after / factor)[:, 0], (1 / factor)[:, 0])
