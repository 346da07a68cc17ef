"""Times as multiples of a unit that is measured in the same rounds."""

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
    """The median seconds of each piece of work, measured in turn."""
    seconds = in_turn(work, device, rounds=rounds, clock=clock)
    return {name: statistics.median(times) for name, times in seconds.items()}


def forward_pass(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """The unit, as work to be timed: the model is expected in evaluation mode."""

    def run() -> None:
        with torch.no_grad():
            model(images)

    return run


@contextmanager
def without_warnings() -> Iterator[None]:
    """Say nothing of what other libraries, and networks without training, are warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
