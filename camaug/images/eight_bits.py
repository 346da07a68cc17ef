"""Pixel values of more than 8 bits as 8-bit values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["ValueRange", "check_value_range", "to_eight_bits"]

ValueRange = tuple[float, float] | Literal["percentiles"]
"""The values that become black and white, or "percentiles" for the 2nd and 98th percentile of each image."""

PERCENTILES = (2, 98)
FULL_RANGES: dict[str, tuple[float, float]] = {"u": (0, 65535), "i": (0, 65535), "f": (0, 1)}
FULL_RANGE_OF_INT8 = 0.0, 127.0


def to_eight_bits(values: npt.NDArray[Any], value_range: ValueRange | None = None) -> npt.NDArray[np.uint8]:
    """Scale pixel values of more than 8 bits to 8 bits.

    Args:
        values: Integer or floating-point values in an array of any shape. Values that are not finite become black.
        value_range: The values that become black and white; values beyond are clipped. "percentiles" takes the 2nd and
            98th percentile of the array. None takes the whole range: 0 to 65535 for integers (0 to 127 for signed ones
            of 8 bits), 0 to 1 for floating-point values.

    Raises:
        ValueError: If there are values outside the whole range, or none is finite.

    Example:
        >>> to_eight_bits(np.array([0, 255, 256, 65535], np.uint16)).tolist()
        [0, 0, 1, 255]
        >>> to_eight_bits(np.array([0, 16, 4095], np.uint16), value_range=(0, 4095)).tolist()
        [0, 1, 255]
    """
    if not np.isfinite(values).any():
        raise ValueError("it has no finite value")
    low, high = _black_and_white(values, value_range)
    if values.dtype == np.uint16:  # a table needs less memory than the image in floating point
        shades: npt.NDArray[np.uint8] = _scale(np.arange(65536), low, high)[values]
        return shades
    return _scale(values, low, high)


def check_value_range(value_range: ValueRange | None) -> None:
    """Raise a ValueError unless the range is "percentiles", two ascending numbers, or None."""
    if value_range is None or value_range == "percentiles":
        return
    if isinstance(value_range, str) or len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ValueError(
            "`value_range` is the values that become black and white, (low, high) with low < high, or 'percentiles', "
            f"got {value_range!r}"
        )


def _black_and_white(values: npt.NDArray[Any], value_range: ValueRange | None) -> tuple[float, float]:
    if value_range is not None and value_range != "percentiles":
        return value_range
    full_range = FULL_RANGE_OF_INT8 if values.dtype == np.int8 else FULL_RANGES[values.dtype.kind]
    if value_range is None and values.dtype == np.uint16:
        return full_range
    finite = values[np.isfinite(values)]
    if value_range == "percentiles":
        low, high = np.percentile(finite, PERCENTILES)
        return float(low), float(high)
    low, high = full_range
    if finite.min() < low or finite.max() > high:
        kind = "floating-point" if values.dtype.kind == "f" else "integer"
        raise ValueError(
            f"its {values.dtype} values reach from {finite.min():g} to {finite.max():g}, and {kind} images have values "
            f"from {low:g} to {high:g}: give the values of black and white, value_range=(low, high), or "
            "value_range='percentiles'"
        )
    return low, high


def _scale(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    shades = (np.where(np.isfinite(values), values, low).astype(np.float64) - low) * (256 / max(high - low, 1e-12))
    return np.clip(shades, 0, 255).astype(np.uint8)
