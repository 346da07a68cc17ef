"""Means with confidence intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from camaug.experiments.table import Interval
from camaug.utils.optional import import_extra

__all__ = ["IntervalMethod", "interval_note", "mean_interval", "paired_interval"]

IntervalMethod = Literal["bootstrap", "t"]

_RESAMPLES = 9999
_RESAMPLES_AT_ONCE = 200


def mean_interval(
    values: Sequence[float] | Tensor,
    *,
    confidence: float = 0.95,
    method: IntervalMethod = "bootstrap",
    seed: int = 0,
) -> Interval:
    """Return the mean of a sample and the confidence interval of the population's mean.

    The bootstrap (bias-corrected and accelerated: Efron 1987, 9999 resamples) assumes nothing about the distribution of
    the values and needs a few dozen of them, images for example. Student's t suits few values, such as the seeds of a
    comparison: it assumes that they are normally distributed.

    Args:
        values: One number for each image or training run: (N,), all finite.
        confidence: Share of intervals that contain the true mean, in (0, 1).
        method: ``"bootstrap"`` or ``"t"``.
        seed: Seed of the bootstrap; the same values and seed give the same interval.

    Returns:
        The mean and its interval, which is unknown (None) for one value and for values that are all equal.

    Raises:
        ValueError: If there are no values, one is not finite, or an argument is out of range.

    Example:
        >>> mean_interval([0.0, 1.0, 2.0, 3.0, 4.0], method="t")
        Interval(value=2.0, low=0.0367..., high=3.9632...)
        >>> mean_interval([3.0])
        Interval(value=3.0, low=None, high=None)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1, got {confidence}")
    if method not in ("bootstrap", "t"):
        raise ValueError(f"`method` must be 'bootstrap' or 't', got {method!r}")
    sample = _to_sample(values)
    mean = float(sample.mean())
    if len(sample) == 1 or np.ptp(sample) == 0:
        return Interval(mean)
    low, high = _bootstrap(sample, confidence, seed) if method == "bootstrap" else _student(sample, confidence)
    return Interval(mean, low, high) if np.isfinite([low, high]).all() else Interval(mean)


def paired_interval(
    values: Sequence[float] | Tensor,
    reference: Sequence[float] | Tensor,
    *,
    confidence: float = 0.95,
    method: IntervalMethod = "bootstrap",
    seed: int = 0,
) -> Interval:
    """Return the mean difference of two samples of the same images, or seeds, and its confidence interval.

    Images that are hard in both samples cancel out, so the interval is narrower than the intervals of the two means.
    The samples differ if the interval does not contain 0.

    Args:
        values: (N,).
        reference: Values that are subtracted, (N,), of the same images in the same order.
        confidence: Share of intervals that contain the true mean difference, in (0, 1).
        method: ``"bootstrap"`` or ``"t"``, see :func:`mean_interval`.
        seed: Seed of the bootstrap.

    Returns:
        The mean of ``values - reference`` and its interval.

    Raises:
        ValueError: If the samples have different lengths, and for the reasons of :func:`mean_interval`.

    Example:
        >>> paired_interval([1.0, 2.0, 3.5], [0.5, 1.0, 2.0], method="t").value
        1.0
    """
    first, second = _to_sample(values), _to_sample(reference)
    if len(first) != len(second):
        raise ValueError(f"paired samples must be of the same images, got {len(first)} values and {len(second)}")
    return mean_interval((first - second).tolist(), confidence=confidence, method=method, seed=seed)


def interval_note(confidence: float, count: int, unit: str = "images") -> str:
    """Return the note of a report that explains its intervals.

    Example:
        >>> interval_note(0.95, 100)
        'In brackets: 95% confidence intervals of the mean over 100 images (bootstrap).'
    """
    return f"In brackets: {confidence:.0%} confidence intervals of the mean over {count} {unit} (bootstrap)."


def _to_sample(values: Sequence[float] | Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    sample = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0:
        raise ValueError(f"expected at least one value, (N,), to take the mean of, got shape {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError(f"{int((~np.isfinite(sample)).sum())} of {len(sample)} values are not finite")
    return sample


def _bootstrap(sample: np.ndarray[Any, np.dtype[np.float64]], confidence: float, seed: int) -> tuple[float, float]:
    stats = _scipy_stats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # the result is NaN, which the caller handles
        result = stats.bootstrap(
            (sample,),
            np.mean,
            confidence_level=confidence,
            n_resamples=_RESAMPLES,
            batch=_RESAMPLES_AT_ONCE,
            method="BCa",
            random_state=np.random.default_rng(seed),
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _student(sample: np.ndarray[Any, np.dtype[np.float64]], confidence: float) -> tuple[float, float]:
    half = _scipy_stats().t.ppf((1 + confidence) / 2, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample))
    return float(sample.mean() - half), float(sample.mean() + half)


def _scipy_stats() -> Any:
    return import_extra("scipy.stats", package="scipy", extra="experiments", reason="confidence intervals need")
