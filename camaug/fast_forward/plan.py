"""Plans that make a forward pass faster, and the choice of one that keeps the logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from camaug.fast_forward.folding import FoldablePair, PreparedWeights, find_foldable_pairs
from camaug.fast_forward.low_precision import low_precision

__all__ = ["Plan", "PlanChoice", "choose_plan"]

TOLERANCE = 0.05  # of the largest logit; bfloat16 has 8 bits, and its errors add up over the layers


@dataclass(frozen=True)
class Plan:
    """Set of changes to a forward pass.

    Attributes:
        dtype: The dtype of the weights, and of autocast if it is a low precision. None keeps that of the model.
        channels_last: Whether images and weights are in channels-last memory format.
        pairs: Batch-norms that are folded into their convolutions.
    """

    dtype: torch.dtype | None = None
    channels_last: bool = False
    pairs: tuple[FoldablePair, ...] = ()

    def __str__(self) -> str:
        dtype = "" if self.dtype is None else str(self.dtype).removeprefix("torch.")
        channels_last = "channels-last" if self.channels_last else ""
        folded = f"{len(self.pairs)} batch-norms folded" if self.pairs else ""
        return ", ".join(filter(None, (dtype, channels_last, folded))) or "nothing changed"

    @property
    def is_plain(self) -> bool:
        """True if the forward pass is not changed."""
        return self.dtype is None and not self.channels_last and not self.pairs

    def prepare(self, model: nn.Module) -> PreparedWeights:
        """Convert the model's present weights."""
        return PreparedWeights(model, self.pairs, self.dtype, channels_last=self.channels_last)

    def run(self, forward: Callable[[Tensor], Tensor], weights: PreparedWeights, images: Tensor) -> Tensor:
        """Compute the logits of images with prepared weights."""
        if self.is_plain:
            return forward(images)
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with _autocast_to(self.dtype, images.device.type), weights:
            return forward(images)


@dataclass(frozen=True)
class PlanChoice:
    """The fastest plan that keeps the logits.

    Attributes:
        plan: The plan.
        is_limited: Whether a faster plan was tried and rejected, or none could be tried.
        limitation: Sentence that says which plan was rejected and why, empty if none was.
    """

    plan: Plan
    is_limited: bool = False
    limitation: str = ""


def choose_plan(
    model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, dtype: torch.dtype | str | None
) -> PlanChoice:
    """Try plans on a few images, the fastest first, and return the first that keeps the logits.

    Args:
        model: The classifier, in evaluation mode.
        forward: The function from images to logits.
        images: A few images, (N, C, H, W).
        dtype: The low precision, ``"auto"`` for the device's fastest, or None.
    """
    expected = forward(images)
    if not expected.isfinite().all():  # there are no logits to compare with
        return PlanChoice(Plan(), is_limited=True)
    pairs = find_foldable_pairs(model, forward, images[:1])
    fastest = Plan(_usable_dtype(model, images.device, dtype), channels_last=True, pairs=tuple(pairs))
    faults: list[str] = []
    for plan in (fastest, replace(fastest, channels_last=False)):
        fault = _fault(plan, model, forward, images, expected)
        if not fault:
            return _choice(model, plan, fastest, faults)
        faults.append(fault)
    return _choice(model, Plan(), fastest, faults)


def _autocast_to(dtype: torch.dtype | None, device: str) -> torch.autocast:
    """Return the autocast to a low precision, or no autocast for any other dtype and None."""
    if dtype in (torch.bfloat16, torch.float16):
        return torch.autocast(device, dtype=dtype)
    return torch.autocast(device, enabled=False)


def _usable_dtype(model: nn.Module, device: torch.device, dtype: torch.dtype | str | None) -> torch.dtype | None:
    """Return the dtype to convert to: inside autocast the caller's, and none if the weights are not float32."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    weights = next((weight.dtype for weight in model.parameters() if weight.is_floating_point()), torch.float32)
    usable = low_precision(device) if dtype == "auto" else dtype
    return usable if isinstance(usable, torch.dtype) and weights == torch.float32 else None


def _fault(plan: Plan, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, expected: Tensor) -> str:
    """Return the fault of a plan as the end of a sentence, or an empty string if it keeps the logits."""
    try:
        logits = plan.run(forward, plan.prepare(model), images)
    except Exception as error:  # a model written for another memory format or precision may raise anything
        return f"it raises {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    difference = (logits.float() - expected.float()).abs().max()
    largest = expected.float().abs().max()
    if difference <= TOLERANCE * largest:
        return ""
    return f"its logits change by {difference:.2g}, more than {100 * TOLERANCE:g} % of the largest ({largest:.3g})"


def _choice(model: nn.Module, plan: Plan, fastest: Plan, faults: list[str]) -> PlanChoice:
    if not faults:
        return PlanChoice(plan)
    how = "unchanged" if plan.is_plain else f"with {plan}"
    reasons = " and ".join(dict.fromkeys(faults))
    limitation = f"the model ({type(model).__name__}) runs {how}, because with {fastest} {reasons}"
    return PlanChoice(plan, is_limited=True, limitation=limitation)
