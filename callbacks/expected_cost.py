"""What explaining will cost, tried on a few images before the training begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from camaug.experiments.cost import now
from camaug.layers import unwrap
from camaug.observe import observing

__all__ = ["ExpectedCost", "expected_cost"]

FORWARDS_OF_A_STEP = 3  # a backward pass takes about twice as long as a forward pass


@dataclass(frozen=True)
class ExpectedCost:
    """What explaining an image costs.

    Attributes:
        passes: Images that the model is asked about for one; 0 where they do not go through its ``forward``.
        steps: The time as a share of a plain training step's for one image, which is taken for three forward passes.
    """

    passes: float
    steps: float


def expected_cost(
    explain: Callable[[Tensor], object], model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor
) -> ExpectedCost:
    """Explain a few images and time it.

    Args:
        explain: Explains images.
        model: The classifier.
        forward: How logits come from images.
        images: (N, C, H, W).
    """
    asked: list[int] = []
    inner = unwrap(model)
    handle = inner.register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    try:
        begun = now(images.device)
        explain(images)
        explained = now(images.device)
    finally:
        handle.remove()
    with observing(inner):
        forward(images)  # warms up
        started = now(images.device)
        forward(images)
        step = FORWARDS_OF_A_STEP * (now(images.device) - started)
    return ExpectedCost(sum(asked) / len(images), (explained - begun) / step)
