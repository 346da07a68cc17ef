"""Times measured in turn, together with the unit that they are multiples of."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from camaug.utils.timing import in_turn, now

__all__ = ["FORWARD", "forward_pass", "medians", "without_warnings"]

FORWARD = "forward"
"""The unit: one forward of the same batch without gradients, float32, contiguous NCHW, in evaluation mode."""


def medians(
    work: Mapping[str, Callable[[], object]],
    device: torch.device,
    *,
    rounds: int,
    clock: Callable[[torch.device], float] = now,
) -> dict[str, float]:
    """Measure the median seconds of each piece of work, in turn."""
    seconds = in_turn(work, device, rounds=rounds, clock=clock)
    return {name: statistics.median(times) for name, times in seconds.items()}


def forward_pass(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """Return the unit as a call to measure. The model must be in evaluation mode."""

    def run() -> None:
        with torch.no_grad():
            model(images)

    return run


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore warnings of other libraries, and of untrained networks, inside the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
