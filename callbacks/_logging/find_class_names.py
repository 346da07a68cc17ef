"""Class names, as the data describe them."""

from __future__ import annotations

from typing import Any

import lightning as L

from camaug.utils.dataset_layers import dataset_layers

__all__ = ["find_class_names"]


def find_class_names(trainer: L.Trainer, dataset: Any) -> list[str] | None:
    """Find the ``classes`` of the data module or the data set, None if neither lists them."""
    for source in (getattr(trainer, "datamodule", None), *dataset_layers(dataset)):
        names = getattr(source, "classes", None)
        if isinstance(names, list | tuple):
            return [str(name) for name in names]
    return None
