"""Explanations through the fast forward, as long as their maps agree with those of the plain forward."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from camaug.explainers.agreement import MIN_CORRELATION, MIN_IOU, Agreement
from camaug.explainers.base import Explainer, Explanation, Targets
from camaug.explainers.float16_fallback import Float16Fallback
from camaug.explainers.target import Target
from camaug.fast_forward.forward import FastForward
from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["FastPath"]

COMPARED_IMAGES = 8

_log = logging.getLogger(__name__)


class FastPath:
    """Explainer of one model that uses the fast forward while its maps agree with the plain forward's.

    At the first call up to eight of the images are explained with both forwards. If the maps agree
    (:attr:`Agreement.is_enough`), all later calls use the fast forward. If they do not, smaller queries
    (``GroupCAM.query_scale``) are given up first, then the fast forward. An untrained network separates its classes by
    no more than rounding errors, so the comparison is repeated at the 2nd, 4th, 8th … call until the fast forward is
    chosen at its full speed.

    Where logits become infinite or NaN in float16, images are explained in float32 from then on.

    Args:
        explainer: The method.
        model: The classifier.
        forward: Function from images to logits (N, classes), where they cannot be read from ``model(images)``.
        enabled: False always uses the plain forward, and smaller queries if the explainer has them.
        notify: Function that gets a sentence whenever the choice changes or float16 is left; Python's log by default.

    Attributes:
        notify: The function that is notified; may be set.
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
        self._model = (model,)  # a tuple, so that a module which owns this object does not register the model
        self._explainer = explainer
        self._plain = forward
        self._limits: list[str] = []  # why the fast forward is slower than it could be
        self._fast = FastForward(model, forward, notify=self._receive_limit) if enabled else None
        self._fallback = Float16Fallback(self._notify_of_float32)
        self.notify = notify
        self._chosen: tuple[Explainer, Callable[[Tensor], Tensor] | None] = explainer, forward
        self._is_settled = not enabled
        self._is_deciding = False
        self._calls, self._next_comparison = 0, 1
        self._notified_of = ""
        self._classes: int | None = None  # of the model, once targets have been checked

    def __call__(self, images: Tensor, targets: Targets = None, *, deciding: bool = True) -> Explanation:
        """Explain images (N, C, H, W).

        Args:
            images: (N, C, H, W).
            targets: Targets as an explainer takes them.
            deciding: False skips the comparison of both forwards where it is due.
        """
        return self._fallback.run(lambda: self._explain(images, targets, deciding=deciding), images)

    @property
    def explainer(self) -> Explainer:
        """The method."""
        return self._explainer

    def use(self, explainer: Explainer) -> None:
        """Explain by another method from now on, with the plain forward until both forwards have been compared."""
        self._explainer = explainer
        self._chosen = explainer, self._plain
        self._is_settled = self._fast is None

    @property
    def is_settled(self) -> bool:
        """Return True if no further comparison will be made."""
        return self._is_settled

    @property
    def is_fast(self) -> bool:
        """Return True if the fast forward is used."""
        return self._chosen[1] is self._fast and self._fast is not None

    def state_dict(self) -> dict[str, Any]:
        """Return the choice, so that a resumed run continues with it."""
        return {
            "settled": self._is_settled,
            "fast": self.is_fast,
            "small_queries": self.is_fast and self._chosen[0] == self._explainer,
            "calls": self._calls,
            "next_comparison": self._next_comparison,
            "forward": {} if self._fast is None else self._fast.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with the choice of an earlier run."""
        if self._fast is None or not state:
            return
        self._is_settled = bool(state["settled"])
        self._calls, self._next_comparison = int(state["calls"]), int(state["next_comparison"])
        self._fast.load_state_dict(state.get("forward", {}))
        if state["fast"]:
            self._chosen = (self._explainer if state["small_queries"] else _at_full_size(self._explainer)), self._fast
        elif self._calls:
            self._chosen = _at_full_size(self._explainer), self._plain

    def _explain(self, images: Tensor, targets: Targets, *, deciding: bool) -> Explanation:
        """Explain images by the chosen way, after choosing it where that is due."""
        if deciding and not self._is_settled:
            self._calls += 1
            if self._calls >= self._next_comparison:
                self._next_comparison = 2 * self._calls
                per_image = isinstance(targets, Tensor) and targets.dim() > 0
                with replaced_attribute(self, "_is_deciding", True):
                    self._decide(images[:COMPARED_IMAGES], targets[:COMPARED_IMAGES] if per_image else targets)  # type: ignore[index]
        explainer, forward = self._chosen
        explanation = explainer(self._model[0], images, self._checked(targets), forward=forward)
        if isinstance(targets, Tensor):
            self._classes = explanation.logits.shape[1]
        return explanation

    def _checked(self, targets: Targets) -> Targets:
        """Return targets that need no check of their range.

        On an accelerator the check waits for its pending work, so only the first targets are checked. In later ones a
        class beyond the model's last one counts as the last one, because there it would end the process.
        """
        if self._classes is None or not isinstance(targets, Tensor) or targets.dim() == 0:
            return targets
        if targets.device.type == "cpu":  # where the check costs nothing
            return targets
        return Target(targets.clamp(max=self._classes - 1), multilabel=targets.dim() == 2)

    def _decide(self, images: Tensor, targets: Targets) -> None:
        """Choose the fastest way of explaining whose maps agree with the plain forward's."""
        assert self._fast is not None
        full = _at_full_size(self._explainer)
        reference = _maps(full(self._model[0], images, targets, forward=self._plain))
        self._fast.invalidate()
        self._limits.clear()
        rejected = ""
        if full is not self._explainer:
            try:
                agreement = self._compare(self._explainer, images, targets, reference)
            except Exception as error:  # such as a model of one input size
                rejected = f"{_queries(self._explainer)} fail ({type(error).__name__}: {error})"
            else:
                if agreement.is_enough:
                    self._choose(self._explainer, agreement)
                    return
                rejected = f"{_queries(self._explainer)} change the maps ({agreement})"
        agreement = self._compare(full, images, targets, reference)
        if agreement.is_enough:
            self._choose(full, agreement, rejected)
        else:
            self._choose_plain(full, agreement, rejected)

    def _compare(self, explainer: Explainer, images: Tensor, targets: Targets, reference: Tensor) -> Agreement:
        """Compare the maps through the fast forward with the reference maps."""
        maps = _maps(explainer(self._model[0], images, targets, forward=self._fast))
        return Agreement.between(maps, reference)

    def _choose(self, explainer: Explainer, agreement: Agreement, rejected: str = "") -> None:
        """Use the fast forward, and say what makes it fast."""
        assert self._fast is not None
        self._chosen, self._is_settled = (explainer, self._fast), not self._fast.is_limited
        what = self._description(explainer)
        if what:
            but = f"; {rejected}" if rejected else ""
            self._notify(what, f"explaining with {what} (maps agree with the plain forward: {agreement}){but}")
        elif self._limits or rejected:
            self._notify("plain", "; ".join([*self._limits[:1], *([rejected] if rejected else [])]))

    def _choose_plain(self, explainer: Explainer, agreement: Agreement, rejected: str) -> None:
        """Use the plain forward, and say why."""
        assert self._fast is not None
        self._chosen = explainer, self._plain
        but = f"; {rejected}" if rejected else ""
        self._notify(
            "plain",
            f"explaining with the plain forward, because the fast one ({self._fast.description}) changes the maps "
            f"({agreement}; at least {MIN_CORRELATION} and {MIN_IOU} are needed) and will be tried again{but}",
        )

    def _description(self, explainer: Explainer) -> str:
        """Describe what makes explanations with this explainer fast, in an empty string if nothing does."""
        assert self._fast is not None
        parts = [] if self._fast.is_plain else [self._fast.description]
        return ", ".join([*parts, *([] if _is_full_size(explainer) else [_queries(explainer)])])

    def _receive_limit(self, sentence: str) -> None:
        """Keep what limits the fast forward for the sentence on the choice, and pass on that it left float16."""
        if self._is_deciding:
            self._limits.append(sentence)
        else:
            self._notify_of_float32(sentence)

    def _notify_of_float32(self, sentence: str) -> None:
        self._notify("float32", sentence)

    def _notify(self, choice: str, sentence: str) -> None:
        """Pass a sentence on, unless the choice is the one of the last sentence."""
        if choice != self._notified_of:
            self._notified_of = choice
            self.notify(sentence)


def _maps(explanation: Explanation) -> Tensor:
    """Return the maps of all targets, (M, H, W), without those of padding unless there are no others."""
    is_target = explanation.targets >= 0
    return explanation.maps[is_target if is_target.any() else ~is_target]


def _is_full_size(explainer: Explainer) -> bool:
    return bool(getattr(explainer, "query_scale", 1.0) == 1)


def _at_full_size(explainer: Explainer) -> Explainer:
    return explainer if _is_full_size(explainer) else replace(explainer, query_scale=1.0)  # type: ignore[call-arg]


def _queries(explainer: Explainer) -> str:
    return f"queries at {getattr(explainer, 'query_scale', 1.0):g} of the image size"
