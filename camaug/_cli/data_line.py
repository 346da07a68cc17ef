"""The line that a training run prints about its data."""

from __future__ import annotations

from collections import Counter
from typing import Any

import lightning as L

from camaug.utils.counted import counted

__all__ = ["data_line"]

MOST_CLASSES = 10  # of which each has its number of images
FEW_STEPS = 10  # in an epoch


def data_line(trainer: L.Trainer) -> str | None:
    """Return the classes, the numbers of images and the steps of an epoch, or None if the classes are unknown.

    Args:
        trainer: The Trainer, whose data loaders exist.
    """
    names = getattr(getattr(trainer, "datamodule", None), "classes", None)
    train, val = (_dataset(loaders) for loaders in (trainer.train_dataloader, trainer.val_dataloaders))
    if not isinstance(names, list | tuple) or train is None:
        return None
    labels = getattr(train, "targets", None)
    images = f"{len(train):,} training" + ("" if val is None else f" and {len(val):,} validation")
    steps = int(trainer.num_training_batches)
    advice = ""
    if steps < FEW_STEPS:
        advice = ", which is few: a smaller --data.batch_size makes more of them"
    return f"data: {_describe_classes(names, labels)}, {images} images, {counted(steps, 'step')} an epoch{advice}"


def _describe_classes(names: Any, labels: Any) -> str:
    classes = counted(len(names), "class", "classes")
    if not isinstance(labels, list) or len(names) > MOST_CLASSES:
        return classes
    counts = Counter(labels)
    return f"{classes} ({', '.join(f'{name} {counts[index]:,}' for index, name in enumerate(names))})"


def _dataset(loaders: Any) -> Any:
    """Return the data set of a loader or of the first of several, or None if it has none whose length is known."""
    loader = loaders[0] if isinstance(loaders, list | tuple) and loaders else loaders
    dataset = getattr(loader, "dataset", None)
    return dataset if hasattr(dataset, "__len__") else None
