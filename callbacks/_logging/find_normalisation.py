"""Normalisation of a model's inputs, as the data describe it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.normalisation import Normalisation, read_normalisation
from camaug.utils.dataset_layers import dataset_layers

__all__ = ["find_normalisation"]


def find_normalisation(
    trainer: L.Trainer,
    dataset: Any,
    channels: int,
    *,
    given: Normalisation | None = None,
    warn: Callable[[str], None] = rank_zero_warn,
) -> Normalisation:
    """Find the normalisation of images with a number of channels.

    It is the given one, or else that of the data module, of its transforms, of the data set, or of the data set's
    transforms, in this order (:func:`camaug.images.normalisation.read_normalisation`).

    Args:
        trainer: The Trainer.
        dataset: The images' data set, or None.
        channels: Number of channels of the images.
        given: The user's normalisation.
        warn: Function that gets a sentence if the normalisation does not fit the images, and is taken as unknown.
    """
    found = given or Normalisation()
    if not found.is_known:
        datamodule = getattr(trainer, "datamodule", None)
        sources = [datamodule, *dataset_layers(dataset)]
        found = read_normalisation(*(part for source in sources for part in (source, *_transforms(source))))
    try:
        found.check(channels)
    except ValueError as error:
        warn(f"{error}. The images are shown as if their normalisation were unknown")
        return Normalisation()
    return found


def _transforms(source: Any) -> list[Any]:
    """Return the transforms of a data module or data set, by parts of usual names."""
    attributes = getattr(source, "__dict__", {})
    return [value for name, value in attributes.items() if any(part in name for part in ("transform", "aug", "normal"))]
