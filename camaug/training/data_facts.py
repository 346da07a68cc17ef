"""Facts about a data module that a classifier keeps in its checkpoints."""

from __future__ import annotations

from typing import Any

__all__ = ["class_names", "evaluation_preprocessing"]


def class_names(datamodule: Any, classes: int) -> list[str] | None:
    """Return the data module's class names, or None unless there is one for each class."""
    names = getattr(datamodule, "classes", None)
    return [str(name) for name in names] if isinstance(names, list | tuple) and len(names) == classes else None


def evaluation_preprocessing(datamodule: Any) -> dict[str, Any] | None:
    """Return the size, crop and normalisation of the evaluation images in plain types, or None if not all are set."""
    if any(getattr(datamodule, name, None) is None for name in ("image_size", "mean", "std")):
        return None
    return {
        "image_size": int(datamodule.image_size),
        "mean": tuple(float(value) for value in datamodule.mean),
        "std": tuple(float(value) for value in datamodule.std),
        "crop_pct": float(getattr(datamodule, "crop_pct", 1.0)),
    }
