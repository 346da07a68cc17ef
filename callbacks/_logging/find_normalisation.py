"""Normalisation of a model's inputs, as the data describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import lightning as L

from camaug.utils.dataset_layers import dataset_layers, transform_parts

__all__ = ["Normalisation", "find_normalisation"]


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel by which images were normalised, None if unknown."""

    mean: Sequence[float] | None
    std: Sequence[float] | None

    @property
    def is_known(self) -> bool:
        """True if both are known."""
        return self.mean is not None and self.std is not None


def find_normalisation(trainer: L.Trainer, dataset: Any) -> Normalisation:
    """Find the ``mean`` and ``std`` of the data module or of a ``Normalize`` among the data set's transforms."""
    datamodule = getattr(trainer, "datamodule", None)
    for source in (datamodule, *_normalize_transforms(dataset)):
        if getattr(source, "mean", None) is not None and getattr(source, "std", None) is not None:
            return Normalisation([float(value) for value in source.mean], [float(value) for value in source.std])
    return Normalisation(None, None)


def _normalize_transforms(dataset: Any) -> Iterator[Any]:
    for layer in dataset_layers(dataset):
        for name in ("transform", "transforms"):
            parts = transform_parts(getattr(layer, name, None))
            yield from (part for part in parts if type(part).__name__ == "Normalize")
