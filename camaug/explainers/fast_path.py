"""Whether the fast way gives the maps of the plain one: it is used as long as it does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from camaug.explainers.base import Explainer, Explanation, Targets
from camaug.fast_forward.forward import FastForward
from camaug.functional.masks import binarise, mask_iou
from camaug.functional.rank_correlation import rank_correlation

__all__ = ["Agreement", "FastPath", "agreement"]

LEAST_CORRELATION = 0.98
LEAST_IOU = 0.9
COMPARED_IMAGES = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agreement:
    """How far maps agree with others of the same images, on average.

    Attributes:
        correlation: Spearman's rank correlation, in [-1, 1].
        iou: Intersection over union of the binary masks (:func:`camaug.functional.masks.binarise`), in [0, 1].
    """

    correlation: float
    iou: float

    @property
    def is_enough(self) -> bool:
        """Whether one may stand for the other: a correlation of 0.98 and an intersection over union of 0.9."""
        return self.correlation >= LEAST_CORRELATION and self.iou >= LEAST_IOU

    def __str__(self) -> str:
        return f"rank correlation {self.correlation:.3f}, mask IoU {self.iou:.3f}"


def agreement(maps: Tensor, reference: Tensor) -> Agreement:
    """Compare maps (N, H, W) with others of the same images.

    Example:
        >>> import torch
        >>> maps = torch.tensor([[[0.0, 0.1, 0.9, 1.0]]])
        >>> print(agreement(maps, maps**2))
        rank correlation 1.000, mask IoU 1.000
    """
    iou = mask_iou(binarise(maps), binarise(reference))
    return Agreement(float(rank_correlation(maps, reference).mean()), float(iou.mean()))


class FastPath:
    """Explains the fast way while its maps agree with the plain ones.

    At the first explanation up to eight of its images are explained both ways. Where the maps agree
    (:attr:`Agreement.is_enough`), all that follows is fast. Where they do not, smaller queries
    (``GroupCAM.query_scale``) are given up first, then the fast forward; and since a network that has learned little
    tells its classes apart by no more than rounding, it is tried again at the 2nd, 4th, 8th … explanation after that,
    as it is where the fast forward does less than it could.

    Args:
        explainer: The method.
        model: The classifier.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.
        enabled: Whether anything but the plain way is tried; smaller queries are then made unasked.
        say: Who is told what is done; by default Python's log.

    Attributes:
        say: Likewise; may be set.
    """

    def __init__(
        self,
        explainer: Explainer,
        model: nn.Module,
        forward: Callable[[Tensor], Tensor] | None = None,
        *,
        enabled: bool = True,
        notify: Callable[[str], None] = _log.info,
    ) -> None:
        self._model = (model,)  # a tuple, lest a module that owns this takes the model for its child
        self._plain = forward
        self._reasons: list[str] = []  # why the fast forward does less
        self._fast = FastForward(model, forward, notify=self._reasons.append) if enabled else None
        self.notify = notify
        self._asked = explainer
        self._chosen: tuple[Explainer, Callable[[Tensor], Tensor] | None] = explainer, forward
        self._is_settled = not enabled
        self._calls, self._next_try = 0, 1

    def __call__(self, images: Tensor, targets: Targets = None, *, deciding: bool = True) -> Explanation:
        """Explain images (N, C, H, W).

        Args:
            images: (N, C, H, W).
            targets: As an explainer takes them.
            deciding: Whether the ways may be compared first, where the decision is still open.
        """
        if deciding and not self._is_settled:
            self._calls += 1
            if self._calls >= self._next_try:
                self._next_try = 2 * self._calls
                of = targets[:COMPARED_IMAGES] if isinstance(targets, Tensor) and targets.dim() == 1 else targets
                self._settle(images[:COMPARED_IMAGES], of)
        explainer, forward = self._chosen
        return explainer(self._model[0], images, targets, forward=forward)

    @property
    def is_settled(self) -> bool:
        """Whether the decision is made, or there is none to make."""
        return self._is_settled

    @property
    def is_fast(self) -> bool:
        """Whether explanations are made by the fast forward."""
        return self._chosen[1] is self._fast and self._fast is not None

    def state_dict(self) -> dict[str, Any]:
        """What was decided, so that a resumed run decides no differently."""
        smaller = self.is_fast and self._chosen[0] == self._asked
        state = {"settled": self._is_settled, "fast": self.is_fast, "as_asked": smaller}
        forward = {} if self._fast is None else self._fast.state_dict()
        return {**state, "calls": self._calls, "next_try": self._next_try, "forward": forward}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what was decided."""
        if self._fast is None or not state:
            return
        self._is_settled = bool(state["settled"])
        self._calls, self._next_try = int(state["calls"]), int(state["next_try"])
        self._fast.load_state_dict(state.get("forward", {}))
        if state["fast"]:
            self._chosen = (self._asked if state["as_asked"] else _at_full_size(self._asked)), self._fast
        elif self._calls:
            self._chosen = _at_full_size(self._asked), self._plain

    def _settle(self, images: Tensor, targets: Targets) -> None:
        """Take the fastest of the ways that agree with the plain one."""
        full = _at_full_size(self._asked)
        reference = full(self._model[0], images, targets, forward=self._plain).maps
        assert self._fast is not None
        self._fast.forget()
        self._reasons.clear()
        found = []
        for explainer in [self._asked] if full is self._asked else [self._asked, full]:
            try:
                maps = explainer(self._model[0], images, targets, forward=self._fast).maps
            except Exception as error:
                if explainer is full:
                    raise
                found.append(f"{self._name(explainer)} failed ({type(error).__name__}: {error})")
                continue
            agreed = agreement(maps, reference)
            found.append(f"{self._name(explainer)}: {agreed}")
            if agreed.is_enough:
                self._chosen, self._is_settled = (explainer, self._fast), not self._fast.does_less
                less = "".join(f"; {reason}, and is tried again later" for reason in self._reasons)
                self.notify(f"the fast way is taken; against the plain maps, {'; '.join(found)}{less}")
                return
        self._chosen = full, self._plain
        self.notify(
            f"the plain way is taken, since the fast one gives other maps ({'; '.join(found)}; expected at least "
            f"{LEAST_CORRELATION} and {LEAST_IOU}); tried again later"
        )

    def _name(self, explainer: Explainer) -> str:
        assert self._fast is not None
        scale = getattr(explainer, "query_scale", 1.0)
        return self._fast.description + (f", queries of {scale:g} times the size" if scale != 1 else "")


def _at_full_size(explainer: Explainer) -> Explainer:
    if getattr(explainer, "query_scale", 1.0) != 1:
        return replace(explainer, query_scale=1.0)  # type: ignore[call-arg]
    return explainer
