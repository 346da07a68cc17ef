"""Facts about a data module that a classifier keeps in its checkpoints."""

from __future__ import annotations

from typing import Any

from camaug.images.normalisation import Normalisation, channel_values

__all__ = ["class_names", "evaluation_preprocessing", "rgb_normalisation"]


def class_names(datamodule: Any, classes: int) -> list[str] | None:
    """Return the data module's class names, or None unless there is one for each class."""
    names = getattr(datamodule, "classes", None)
    return [str(name) for name in names] if isinstance(names, list | tuple) and len(names) == classes else None


def evaluation_preprocessing(datamodule: Any) -> dict[str, Any] | None:
    """Return the size, crop and normalisation of the evaluation images in plain types.

    The values of black and white of images of more than 8 bits, ``value_range``, are added where they are set.

    Returns:
        The settings of :func:`camaug.images.preprocessing.eval_transform`, or None if not all are set, or the images do
        not have three channels.
    """
    image_size = _side(getattr(datamodule, "image_size", None))
    normalisation = rgb_normalisation(datamodule)
    if image_size is None or not normalisation.is_known:
        return None
    settings = {
        "image_size": image_size,
        "mean": normalisation.mean,
        "std": normalisation.std,
        "crop_pct": float(getattr(datamodule, "crop_pct", 1.0)),
    }
    value_range = getattr(datamodule, "value_range", None)
    return settings if value_range is None else settings | {"value_range": value_range}


def rgb_normalisation(datamodule: Any) -> Normalisation:
    """Return the data module's mean and standard deviation of three channels in [0, 1], where known.

    Example:
        >>> from types import SimpleNamespace
        >>> rgb_normalisation(SimpleNamespace(mean=0, std=255))
        Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    """
    found = Normalisation(*(channel_values(getattr(datamodule, name, None)) for name in ("mean", "std")))
    return Normalisation(*(_of_rgb(values, found.white) for values in found)) if found.fits(3) else Normalisation()


def _of_rgb(values: tuple[float, ...] | None, white: float) -> tuple[float, ...] | None:
    """Return one value for each of three channels, in units of white."""
    return None if values is None else tuple(value / white for value in values) * (3 // len(values))


def _side(image_size: Any) -> int | None:
    """Return the side of square images given by one number or two, or None."""
    sides = set(image_size) if isinstance(image_size, list | tuple) else {image_size}
    side = sides.pop() if len(sides) == 1 else None
    return int(side) if isinstance(side, int | float) else None
