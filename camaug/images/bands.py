"""Bands of an image with any number of channels that are displayed as red, green and blue, or as grey."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["check_bands", "choose_bands", "describe_bands"]


def check_bands(bands: Sequence[int] | None) -> None:
    """Raise a ValueError unless the bands are three indices (red, green, blue), one (grey), or None."""
    if bands is None:
        return
    if len(bands) not in (1, 3) or any(not isinstance(band, int) or band < 0 for band in bands):
        raise ValueError(
            f"`bands` are three indices from 0, for red, green and blue, or one for grey, got {tuple(bands)}"
        )


def choose_bands(bands: Sequence[int] | None, channels: int) -> tuple[int, ...]:
    """Return the indices of the displayed bands: the given ones, or the first three, or the first one of one or two.

    Args:
        bands: One or three indices from 0, or None.
        channels: Number of channels of the images.

    Raises:
        ValueError: If the images do not have such a band.

    Example:
        >>> choose_bands((3, 2, 1), channels=13), choose_bands(None, channels=13), choose_bands(None, channels=2)
        ((3, 2, 1), (0, 1, 2), (0,))
    """
    if bands is None:
        return (0, 1, 2) if channels >= 3 else (0,)
    check_bands(bands)
    if max(bands) >= channels:
        raise ValueError(
            f"`bands` are {tuple(bands)}, counted from 0, and the images have {channels} "
            f"{'channel' if channels == 1 else 'channels'}"
        )
    return tuple(bands)


def describe_bands(bands: Sequence[int] | None, channels: int) -> str:
    """Return the names of the displayed bands, or an empty string if they are the whole image.

    Example:
        >>> describe_bands((3, 2, 1), channels=13), describe_bands(None, channels=2), describe_bands(None, channels=3)
        ('bands 3, 2, 1', 'band 0', '')
    """
    chosen = choose_bands(bands, channels)
    if chosen == tuple(range(channels)):
        return ""
    return f"{'band' if len(chosen) == 1 else 'bands'} {', '.join(map(str, chosen))}"
