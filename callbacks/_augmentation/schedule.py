"""Schedule of the share of augmented images."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Share of augmented images in each epoch.

    Args:
        share: The full share, in [0, 1].
        start_epoch: First epoch with augmentation, counted from 0.
        stop_epoch: First epoch without it again; None for no end.
        ramp_epochs: Epochs over which the share rises in equal steps to its full value.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> schedule = Schedule(0.6, start_epoch=1, stop_epoch=4, ramp_epochs=2)
        >>> [round(schedule.share_in(epoch), 2) for epoch in range(5)]
        [0.0, 0.2, 0.4, 0.6, 0.0]
        >>> str(schedule)
        '60% of the training images from epoch 1 to 3, with a ramp of 2 epochs'
    """

    share: float
    start_epoch: int = 0
    stop_epoch: int | None = None
    ramp_epochs: int = 0

    def __post_init__(self) -> None:
        if self.start_epoch < 0:
            raise ValueError(f"`start_epoch` must be at least 0, got {self.start_epoch}")
        if self.stop_epoch is not None and self.stop_epoch <= self.start_epoch:
            raise ValueError(
                f"`stop_epoch` must be after `start_epoch` ({self.start_epoch}), or None, got {self.stop_epoch}"
            )
        if self.ramp_epochs < 0:
            raise ValueError(f"`ramp_epochs` must be at least 0, got {self.ramp_epochs}")

    def ending_with(self, max_epochs: int | None) -> Schedule:
        """Return the schedule of the last epoch alone, or this one if it has a start or the end is unknown."""
        if self.start_epoch > 0 or max_epochs is None or max_epochs < 1:
            return self
        return replace(self, start_epoch=max_epochs - 1)

    def is_active(self, epoch: int) -> bool:
        """Return True if images are augmented in the epoch."""
        return self.share > 0 and self.start_epoch <= epoch and (self.stop_epoch is None or epoch < self.stop_epoch)

    def share_in(self, epoch: int) -> float:
        """Return the share of the images that are augmented in the epoch."""
        if not self.is_active(epoch):
            return 0.0
        return self.share * min(1.0, (epoch - self.start_epoch + 1) / (self.ramp_epochs + 1))

    def __str__(self) -> str:
        end = " on" if self.stop_epoch is None else f" to {self.stop_epoch - 1}"
        ramp = f", with a ramp of {self.ramp_epochs} epochs" if self.ramp_epochs else ""
        return f"{self.share:.0%} of the training images from epoch {self.start_epoch}{end}{ramp}"
