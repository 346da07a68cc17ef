"""Cost of explaining, measured on a few images before training."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.model_output import read_logits
from camaug.inspection.model_precision import in_model_precision
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.out_of_memory import is_out_of_memory
from camaug.utils.timing import now

__all__ = ["ExpectedCost", "expected_cost"]

ROUNDS = 3


@dataclass(frozen=True)
class ExpectedCost:
    """Cost of explaining one image.

    Attributes:
        passes: Forward passes of single images; 0 if they do not go through the model's ``forward``.
        steps: Time in relation to a plain training step's time for one image, that is of a forward and a backward pass.
    """

    passes: float
    steps: float


def expected_cost(
    explain: Callable[[Tensor], object],
    model: nn.Module,
    forward: Callable[[Tensor], Any],
    images: Tensor,
    explained: int,
) -> ExpectedCost:
    """Measure the cost of explaining, in turn with a training step's forward and backward pass.

    The result is the median over a few rounds, because other work on the machine may slow down any of them.

    Args:
        explain: A function that explains images.
        model: The classifier.
        forward: A function from images to logits, or to an output that holds them.
        images: A training batch, (N, C, H, W). Where its step does not fit into memory without gradient checkpointing,
            which is off here, that of a half, a quarter, … is measured.
        explained: Number of images to explain.

    Raises:
        torch.OutOfMemoryError: If not even one image fits.
    """
    inner = unwrap(model)
    images = in_model_precision(images, inner)
    few = images[:explained]

    def run_step(images: Tensor) -> None:
        with neutral(inner), torch.enable_grad():
            _both_passes(inner, forward, images)

    explain(few)  # warm-up
    images = _largest_that_fits(run_step, images)
    step = partial(run_step, images)
    passes: list[int] = []
    ratios: list[float] = []
    for _ in range(ROUNDS):
        handle = inner.register_forward_hook(partial(_count_images, passes), with_kwargs=True)
        try:
            seconds = _timed(lambda: explain(few), images.device)
        finally:
            handle.remove()
        ratios.append(seconds / len(few) / (_timed(step, images.device) / len(images)))
    return ExpectedCost(sum(passes) / ROUNDS / len(few), statistics.median(ratios))


def _largest_that_fits(work: Callable[[Tensor], object], images: Tensor) -> Tensor:
    """Do some work on images, or on half as many until they fit into memory, and return those that did."""
    while True:
        try:
            work(images)
            return images
        except RuntimeError as error:
            if len(images) == 1 or not is_out_of_memory(error):
                raise
        images = images[: len(images) // 2]


def _timed(work: Callable[[], object], device: torch.device) -> float:
    start = now(device)
    work()
    return now(device) - start


def _count_images(
    passes: list[int], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: object
) -> None:
    """Count the images of a forward pass that did not fail, as one that is out of memory does."""
    passes.append(next((len(value) for value in (*args, *kwargs.values()) if isinstance(value, Tensor)), 0))


def _both_passes(model: nn.Module, forward: Callable[[Tensor], Any], images: Tensor) -> None:
    """Run a forward and a backward pass without leaving gradients."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    logits = read_logits(forward(images))
    if trained and logits.requires_grad:
        torch.autograd.grad(logits.float().square().mean(), trained, allow_unused=True)
