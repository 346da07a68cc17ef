"""Class names, as the data or the model describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L

from camaug.images.class_names import as_class_names
from camaug.utils.dataset_layers import dataset_layers

__all__ = ["find_class_names"]


def find_class_names(trainer: L.Trainer, dataset: Any) -> list[str] | None:
    """Find the class names of the data module or the data set, None if neither lists them.

    They are the attribute ``classes``, ``class_names`` or ``class_to_idx``, or the names of a Hugging Face data set's
    only ``ClassLabel``.

    Args:
        trainer: The Trainer, whose data module comes first.
        dataset: The data set, or a subset of it.
    """
    for source in (getattr(trainer, "datamodule", None), *dataset_layers(dataset)):
        for value in (
            *(getattr(source, name, None) for name in ("classes", "class_names", "class_to_idx")),
            _names_of_features(getattr(source, "features", None)),
        ):
            if names := as_class_names(value):
                return names
    return None


def _names_of_features(features: Any) -> Any:
    """Return the names of the only labelled feature of a Hugging Face data set."""
    if not isinstance(features, Mapping):
        return None
    named = [feature.names for feature in features.values() if isinstance(getattr(feature, "names", None), list)]
    return named[0] if len(named) == 1 else None
