"""Pictures on their way to the loggers, and what is needed to paint them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import lightning as L
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import Subset

__all__ = ["Normalisation", "can_take_pictures", "class_names", "normalisation", "safe_tag", "write_picture"]


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel that the model's inputs were normalised with; None if unknown."""

    mean: Sequence[float] | None
    std: Sequence[float] | None


def write_picture(trainer: L.Trainer, tag: str, picture: Tensor, step: int) -> None:
    """Write a picture (3, H, W) in [0, 1] to every logger that takes pictures."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(tag, picture, step)
        elif hasattr(logger, "log_image"):
            logger.log_image(key=tag, images=[picture], step=step)


def can_take_pictures(logger: Logger) -> bool:
    """Whether pictures can be written to a logger: TensorBoard's, and those with a ``log_image``."""
    return isinstance(logger, TensorBoardLogger) or hasattr(logger, "log_image")


def safe_tag(text: str) -> str:
    """The text with everything that has a meaning in tags, paths or terminals replaced by ``_``."""
    return re.sub(r"[^\w\-. #]+", "_", text)


def normalisation(trainer: L.Trainer, dataset: Any) -> Normalisation:
    """What the images of a data set were normalised with.

    The data module's ``mean`` and ``std`` where it has them, or those of a ``Normalize`` among the data set's
    transforms, or unknown.
    """
    datamodule = getattr(trainer, "datamodule", None)
    for holder in (datamodule, *_normalizers(dataset)):
        if getattr(holder, "mean", None) is not None and getattr(holder, "std", None) is not None:
            return Normalisation([float(v) for v in holder.mean], [float(v) for v in holder.std])
    return Normalisation(None, None)


def class_names(trainer: L.Trainer, dataset: Any) -> Sequence[str] | None:
    """The names of the classes as the data module or the data set gives them."""
    for holder in (getattr(trainer, "datamodule", None), *_inner_datasets(dataset)):
        names = getattr(holder, "classes", None)
        if isinstance(names, list | tuple):
            return [str(name) for name in names]
    return None


def _inner_datasets(dataset: Any) -> Iterator[Any]:
    yield dataset
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
        yield dataset


def _normalizers(dataset: Any) -> Iterator[Any]:
    waiting = [getattr(inner, name, None) for inner in _inner_datasets(dataset) for name in ("transform", "transforms")]
    while waiting:
        transform = waiting.pop(0)
        if type(transform).__name__ == "Normalize":
            yield transform
        inner = getattr(transform, "transforms", None) or getattr(transform, "transform", None)
        waiting.extend(inner if isinstance(inner, list | tuple) else [inner] if inner is not None else [])
