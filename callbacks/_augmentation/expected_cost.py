"""What explaining will cost, tried on a few images before the training begins."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.timing import now

__all__ = ["ExpectedCost", "expected_cost"]

ROUNDS = 3


@dataclass(frozen=True)
class ExpectedCost:
    """What explaining an image costs.

    Attributes:
        passes: Images that the model is asked about for one; 0 where they do not go through its ``forward``.
        steps: The time as a share of a plain training step's for one image, which is taken for that of a forward and a
            backward pass.
    """

    passes: float
    steps: float


def expected_cost(
    explain: Callable[[Tensor], object],
    model: nn.Module,
    forward: Callable[[Tensor], Tensor],
    images: Tensor,
    explained: int,
) -> ExpectedCost:
    """Explain a few images and time it, and a step's two passes through all, in turn.

    The median of the rounds' ratios is what counts: other work on the machine slows down one of them, or both halves of
    one alike.

    Args:
        explain: Explains images.
        model: The classifier.
        forward: How logits come from images.
        images: A training batch, (N, C, H, W).
        explained: How many of them are explained.
    """
    inner = unwrap(model)
    few = images[:explained]

    def step() -> None:
        with neutral(inner), torch.enable_grad():
            _both_passes(inner, forward, images)

    explain(few)  # warms up, as the step does
    step()
    asked: list[int] = []
    ratios: list[float] = []
    for _ in range(ROUNDS):
        handle = inner.register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
        try:
            seconds = _timed(lambda: explain(few), images.device)
        finally:
            handle.remove()
        ratios.append(seconds / len(few) / (_timed(step, images.device) / len(images)))
    return ExpectedCost(sum(asked) / ROUNDS / len(few), statistics.median(ratios))


def _timed(work: Callable[[], object], device: torch.device) -> float:
    begun = now(device)
    work()
    return now(device) - begun


def _both_passes(model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor) -> None:
    """A forward and a backward pass that leave no gradients."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    logits = forward(images)
    if trained and logits.requires_grad:
        torch.autograd.grad(logits.float().square().mean(), trained, allow_unused=True)
