"""A check of arguments that are shares of a whole."""

from __future__ import annotations

__all__ = ["check_fraction"]


def check_fraction(name: str, value: float) -> None:
    """Raise a ValueError unless an argument is between 0 and 1.

    Args:
        name: The argument's name, for the message.
        value: The argument.

    Raises:
        ValueError: If the value is outside [0, 1] or NaN.

    Example:
        >>> check_fraction("share", 1.5)
        Traceback (most recent call last):
        ValueError: `share` must be between 0 and 1, got 1.5
    """
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be between 0 and 1, got {value}")
