"""Logits of a classifier in a fraction of the time, for methods that run it on many images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from camaug.fast_forward.folding import PreparedWeights, find_foldable_pairs
from camaug.fast_forward.overflow_watch import OverflowWatch
from camaug.fast_forward.plan import Plan, choose_plan
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.poisoned import is_poisoned
from camaug.inspection.unwrap import unwrap
from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["FastForward"]

TRIED_IMAGES = 2


class FastForward:
    """Faster forward pass with nearly the model's logits, for the many masked images that a map is computed from.

    Convolutions run channels-last, in the device's fastest precision, with the batch-norms after them folded into
    their weights. The model is neither copied nor changed: while the forward pass runs, PyTorch's functions receive
    converted weights instead of the model's. Weights are converted again for every explanation, so they are never
    older than the model's.

    At the first call the logits of two images are compared with the plain forward's. If they differ by more than 5 %
    of the largest logit, or the model raises an error, the model keeps its memory format; if that fails too, it runs
    unchanged. Both are warnings. If logits in float16 become infinite or NaN later, it goes on in float32, with a
    warning: on a CPU at once, on an accelerator from the next explanation on, so that nothing waits for it.

    Args:
        model: The classifier. It must be in evaluation mode when it is called, as it is inside an explainer.
        forward: The function from images to logits (N, classes), by default the model itself.
        dtype: The low precision: ``"auto"`` for the device's fastest
            (:func:`camaug.fast_forward.low_precision.low_precision`), or None for that of the weights.
        notify: Called with one sentence if a faster forward pass was rejected. By default it is a warning.

    Raises:
        ValueError: If ``dtype`` is another string.

    Example:
        >>> import torchvision
        >>> from camaug import GroupCAM
        >>> model = torchvision.models.resnet18()
        >>> explanation = GroupCAM(groups=4)(model, torch.rand(2, 3, 64, 64), forward=FastForward(model))
    """

    def __init__(
        self,
        model: nn.Module,
        forward: Callable[[Tensor], Tensor] | None = None,
        *,
        dtype: torch.dtype | str | None = "auto",
        notify: Callable[[str], None] | None = None,
    ) -> None:
        if isinstance(dtype, str) and dtype != "auto":
            raise ValueError(f"`dtype` must be 'auto', a torch.dtype or None, got {dtype!r}")
        self._model = unwrap(model)
        self.__wrapped__ = forward or self._model  # see forward_key
        self._forward = LogitsForward(self.__wrapped__)
        self._dtype = dtype
        self._notify = notify or _warn
        self._plan: Plan | None = None
        self._saved_plan: dict[str, Any] | None = None
        self._is_limited = False
        self._weights: PreparedWeights | None = None
        self._overflow = OverflowWatch()

    def __call__(self, images: Tensor) -> Tensor:
        """Compute the logits (N, classes) of images (N, C, H, W)."""
        with self.prepared(images):
            logits = self._run(images)
            if self._is_in_float16 and not is_poisoned() and self._overflow.finds(logits, images):
                self._leave_float16()
                logits = self._run(images)
            return logits

    @contextmanager
    def prepared(self, images: Tensor) -> Iterator[None]:
        """Convert the weights once for all calls inside the block, where the model must not change.

        Args:
            images: Some of the images. The first call of all compares logits on them.
        """
        if self._weights is not None:
            yield
            return
        if self._plan is None:
            self._plan = self._choose_plan(images[:TRIED_IMAGES])
        elif self._is_in_float16 and self._overflow.found():
            self._leave_float16()
        with replaced_attribute(self, "_weights", self._plan.prepare(self._model)):
            yield

    def to_memory_format(self, images: Tensor) -> Tensor:
        """Return the images in the memory format of the forward pass."""
        is_channels_last = self._plan is None or self._plan.channels_last
        return images.contiguous(memory_format=torch.channels_last) if is_channels_last else images

    @property
    def is_limited(self) -> bool:
        """True if a faster forward pass was rejected at the first call."""
        return self._is_limited

    @property
    def _is_in_float16(self) -> bool:
        return self._plan is not None and self._plan.dtype == torch.float16

    @property
    def is_plain(self) -> bool:
        """True if the model's own forward runs unchanged, because nothing faster works."""
        return self._plan is not None and self._plan.is_plain

    @property
    def description(self) -> str:
        """The changes, once the forward has been called: ``bfloat16, channels-last, 53 batch-norms folded``."""
        return "not tried yet" if self._plan is None else str(self._plan)

    def invalidate(self) -> None:
        """Compare logits again at the next call, because the weights have changed."""
        self._plan, self._saved_plan, self._is_limited = None, None, False

    def state_dict(self) -> dict[str, Any]:
        """Return the changes, empty before the first call."""
        if self._plan is None:
            return self._saved_plan or {}
        dtype = None if self._plan.dtype is None else str(self._plan.dtype).removeprefix("torch.")
        plan = {"dtype": dtype, "channels_last": self._plan.channels_last, "folds": bool(self._plan.pairs)}
        return {**plan, "is_limited": self._is_limited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Apply the changes of an earlier run, without comparing logits again."""
        self._plan, self._saved_plan = None, state or None
        self._is_limited = bool(state.get("is_limited"))

    def _run(self, images: Tensor) -> Tensor:
        assert self._plan is not None
        assert self._weights is not None
        return self._plan.run(self._forward, self._weights, images)

    def _leave_float16(self) -> None:
        """Run in float32 from now on, because the weights have grown since float16 was compared."""
        assert self._plan is not None
        self._plan, self._dtype = replace(self._plan, dtype=torch.float32), None
        if self._weights is not None:
            self._weights = self._plan.prepare(self._model)
        self._notify("float16 cannot hold this model's values any longer, so the fast forward runs in float32")

    def _choose_plan(self, images: Tensor) -> Plan:
        if self._saved_plan is not None:
            return self._load_plan(self._saved_plan, images)
        choice = choose_plan(self._model, self._forward, images, self._dtype)
        self._is_limited = choice.is_limited
        if choice.limitation:
            self._notify(choice.limitation)
        return choice.plan

    def _load_plan(self, saved: dict[str, Any], images: Tensor) -> Plan:
        pairs = find_foldable_pairs(self._model, self._forward, images[:1]) if saved["folds"] else []
        dtype = None if saved["dtype"] is None else getattr(torch, saved["dtype"])
        return Plan(dtype, bool(saved["channels_last"]), tuple(pairs))


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=3)
