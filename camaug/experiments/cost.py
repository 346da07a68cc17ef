"""What an explanation costs: forward passes and time."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

__all__ = ["CountingForward", "now"]


class CountingForward:
    """A model's forward that counts the images it is asked about.

    Attributes:
        images: How many there were.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.images = 0

    def __call__(self, images: Tensor) -> Tensor:
        """The model's answer."""
        self.images += len(images)
        answer: Tensor = self.model(images)
        return answer


def now(device: torch.device) -> float:
    """Seconds of a clock that only goes on, when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
