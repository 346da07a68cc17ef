"""What is measured, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from camaug.utils.timing import now

__all__ = ["Clock", "Options"]

Clock = Callable[[torch.device], float]
"""Gives the seconds at which a device has done all that it was given."""


@dataclass(frozen=True)
class Options:
    """What every section is told.

    Attributes:
        model: The classifier's name.
        batch_size: Images in a batch.
        image_size: Side of the images in pixels.
        rounds: How often each setting is timed, after a warm-up.
        device_name: ``cpu`` or ``cuda``.
        quick: Whether as little as possible is measured, to see that everything runs.
        processor_time: Whether it is the process's time on the processor that counts, instead of the clock's.
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
        """Where it runs."""
        return torch.device(self.device_name)

    @property
    def clock(self) -> Clock:
        """Gives the seconds."""
        return (lambda device: time.process_time()) if self.processor_time else now

    @property
    def described(self) -> str:
        """Model, batch and size in a few words."""
        return f"{self.model}, batch {self.batch_size}, {self.image_size} px"
