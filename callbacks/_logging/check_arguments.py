"""Checks of arguments that several callbacks share."""

from __future__ import annotations

from camaug.images.render import COLORMAPS

__all__ = ["check_overlay", "check_positive"]


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
    if not 0 <= strength <= 1:
        raise ValueError(f"`strength` must be between 0 and 1, got {strength}")
    if colormap not in COLORMAPS:
        raise ValueError(f"unknown colour map {colormap!r}, expected one of {', '.join(COLORMAPS)}")
