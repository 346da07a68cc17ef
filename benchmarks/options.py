"""Options of the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from camaug.utils.timing import now

__all__ = ["Clock", "Options"]

Clock = Callable[[torch.device], float]
"""Function that waits for a device's pending work and returns the time in seconds."""


@dataclass(frozen=True)
class Options:
    """Options of every section.

    Attributes:
        model: The classifier's name.
        batch_size: Images in a batch.
        image_size: Side of the images in pixels.
        rounds: Number of times that each setting is measured, after a warm-up.
        device_name: ``cpu`` or ``cuda``.
        quick: Whether to measure as little as possible, to check that everything runs.
        processor_time: Whether to measure processor time of the process instead of wall-clock time.
    """

    model: str = "squeezenet1_0"
    batch_size: int = 16
    image_size: int = 224
    rounds: int = 5
    device_name: str = "cpu"
    quick: bool = False
    processor_time: bool = False

    @property
    def device(self) -> torch.device:
        """The device of model and images."""
        return torch.device(self.device_name)

    @property
    def clock(self) -> Clock:
        """The function that reads the time."""
        return (lambda device: time.process_time()) if self.processor_time else now

    @property
    def described(self) -> str:
        """Model, batch and size in a few words."""
        return f"{self.model}, batch {self.batch_size}, {self.image_size} px"
