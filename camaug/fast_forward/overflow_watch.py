"""Watch over logits that low precision may not hold."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["OverflowWatch"]


class OverflowWatch:
    """Check for infinite logits and NaN that does not wait for an accelerator.

    On a CPU they are found at once. On an accelerator the result of the check is copied to the host when it is ready,
    and read by a later call.

    Args:
        waits: True waits for the accelerator, and finds them at once there too.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self._waits = waits
        self._pending: tuple[Tensor, torch.Event] | None = None

    def finds(self, logits: Tensor, images: Tensor) -> bool:
        """Return True if logits are not all finite. Those on an accelerator are checked for :meth:`found`.

        Args:
            logits: (M, classes).
            images: The images that they were computed from, whose own NaN is no overflow.
        """
        is_infinite = logits.isfinite().logical_not().any() & images.isfinite().all()
        if self._waits or logits.device.type == "cpu":
            return bool(is_infinite)
        if self._pending is None:
            on_host = torch.empty((), dtype=torch.bool, pin_memory=True).copy_(is_infinite, non_blocking=True)
            event = torch.Event(logits.device)
            event.record()
            self._pending = on_host, event
        return False

    def found(self) -> bool:
        """Return True if logits that an accelerator has computed by now were not all finite."""
        if self._pending is None or not self._pending[1].query():
            return False
        (on_host, _), self._pending = self._pending, None
        return bool(on_host)
