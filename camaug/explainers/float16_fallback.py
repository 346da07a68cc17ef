"""Explanations in float32 where a model's values do not fit in float16."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from camaug.explainers.base import Explanation
from camaug.fast_forward.overflow_watch import OverflowWatch

__all__ = ["Float16Fallback"]

SENTENCE = "float16 cannot hold this model's values, so images are explained in float32"


class Float16Fallback:
    """Caller of explanations that leaves the float16 autocast once logits were infinite or NaN.

    The weights that overflow now will mostly overflow in later calls too, so these are all explained in float32.

    Args:
        notify: Function that gets a sentence when float16 is left.
        waits: True waits for an accelerator, so that no explanation overflows. False leaves float16 in a later call.
    """

    def __init__(self, notify: Callable[[str], None], *, waits: bool = False) -> None:
        self._notify = notify
        self._watch = OverflowWatch(waits=waits)
        self._has_left = False

    def run(self, explain: Callable[[], Explanation], images: Tensor) -> Explanation:
        """Explain in the precision of the caller, or in float32 if that is float16 and overflows.

        Args:
            explain: Function without arguments that explains the images.
            images: (N, C, H, W).
        """
        device = images.device.type
        if not torch.is_autocast_enabled(device) or torch.get_autocast_dtype(device) != torch.float16:
            return explain()
        if self._watch.found():
            self._leave()
        if not self._has_left:
            explanation = explain()
            if not self._watch.finds(explanation.logits, images):
                return explanation
            self._leave()
        with self.precision(images.device):
            return explain()

    def precision(self, device: torch.device) -> AbstractContextManager[None]:
        """Return a context in the precision of the caller, or in float32 if float16 was left."""
        return torch.autocast(device.type, enabled=False) if self._has_left else nullcontext()

    def _leave(self) -> None:
        self._has_left = True
        self._notify(SENTENCE)
