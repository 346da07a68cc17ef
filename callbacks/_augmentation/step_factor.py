"""Length of an augmented training step, as a multiple of a plain one."""

from __future__ import annotations

__all__ = ["round_measured", "step_factor"]


def step_factor(explaining: float, share: float, *, masked_views: bool) -> float:
    """Return the length of an augmented step in plain steps, without false precision.

    Args:
        explaining: Time of the explanations, in plain steps.
        share: Share of the images that are augmented.
        masked_views: True if masked views of these images are appended to the batch.

    Example:
        >>> step_factor(1.234, share=0.5, masked_views=True), step_factor(10.4, share=1, masked_views=False)
        (2.7, 11.0)
    """
    return round_measured(1 + explaining + (share if masked_views else 0))


def round_measured(value: float) -> float:
    """Round a measured value to two digits, because repeated measurements differ by more.

    Example:
        >>> round_measured(1683.2), round_measured(0.0426)
        (1700.0, 0.043)
    """
    return float(f"{value:.2g}")
