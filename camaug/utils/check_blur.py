"""A check of the arguments of a Gaussian blur."""

from __future__ import annotations

__all__ = ["check_blur"]


def check_blur(kernel_size: int, sigma: float) -> None:
    """Raise a ValueError unless the blur's width is odd and its standard deviation positive.

    Example:
        >>> check_blur(50, 50.0)
        Traceback (most recent call last):
        ValueError: `blur_kernel_size` must be a positive odd number of pixels, got 50
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"`blur_kernel_size` must be a positive odd number of pixels, got {kernel_size}")
    if sigma <= 0:
        raise ValueError(f"`blur_sigma` must be a positive number of pixels, got {sigma}")
