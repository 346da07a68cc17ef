"""Checks of arguments that several callbacks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from camaug.images.bands import check_bands
from camaug.images.normalisation import channel_values
from camaug.images.render import check_colormap
from camaug.utils.check_fraction import check_fraction

__all__ = ["check_display", "check_overlay", "check_positive"]


def check_positive(**counts: int | None) -> None:
    """Check that every number that is given is at least 1.

    Args:
        **counts: Numbers by the name of their argument.

    Raises:
        ValueError: If a number is smaller.
    """
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"`{name}` must be at least 1, got {count}")


def check_overlay(colormap: str, strength: float) -> None:
    """Check the arguments of an overlay.

    Raises:
        ValueError: If the colour map is unknown or the strength is outside [0, 1].
    """
    check_fraction("strength", strength)
    check_colormap(colormap)


def check_display(bands: Sequence[int] | None, **statistics: Any) -> None:
    """Check the arguments by which a model's inputs are shown.

    Args:
        bands: Indices of the channels that are shown.
        **statistics: Mean and standard deviation by the name of their argument.

    Raises:
        ValueError: If the bands are not one or three indices, or a statistic is no number for each channel.
    """
    check_bands(bands)
    for name, values in statistics.items():
        if values is not None and channel_values(values) is None:
            raise ValueError(f"`{name}` is a number or one for each channel, got {values!r}")
