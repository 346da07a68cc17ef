"""The TensorBoard writer of a logger of any class."""

from __future__ import annotations

from typing import Any

from torch.utils.tensorboard import SummaryWriter

__all__ = ["is_tensorboard", "tensorboard_writer"]


def tensorboard_writer(logger: Any) -> SummaryWriter | None:
    """Return the logger's TensorBoard writer, or None if it writes elsewhere.

    Loggers of ``lightning`` and of ``pytorch_lightning`` have the same abilities and different classes, so the writer
    is recognised by its methods. Call this on rank zero: a logger's experiment is a dummy elsewhere.
    """
    experiment = getattr(logger, "experiment", None)
    if isinstance(experiment, SummaryWriter):
        return experiment
    is_writer = all(callable(getattr(type(experiment), name, None)) for name in ("add_image", "_get_file_writer"))
    return experiment if is_writer else None


def is_tensorboard(logger: Any) -> bool:
    """Return True for a logger of TensorBoard, by the name of its class, without opening its file."""
    return any(parent.__name__ == "TensorBoardLogger" for parent in type(logger).__mro__)
