"""Confidence intervals, by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from camaug.experiments import Interval, mean_interval, paired_interval
from camaug.experiments.mean_interval import interval_note


@pytest.fixture
def sample() -> np.ndarray:
    return np.random.default_rng(3).gamma(2.0, size=40)


def test_students_interval_by_hand():
    # mean 2, standard deviation sqrt(2.5), t(0.975; 4) = 2.776445
    half = 2.7764451 * math.sqrt(2.5) / math.sqrt(5)
    interval = mean_interval([0.0, 1.0, 2.0, 3.0, 4.0], method="t")
    assert (interval.value, interval.low, interval.high) == pytest.approx((2, 2 - half, 2 + half))


@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_students_interval_is_scipys(sample, confidence):
    expected = scipy.stats.ttest_1samp(sample, 0).confidence_interval(confidence)
    interval = mean_interval(sample.tolist(), confidence=confidence, method="t")
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))


def test_the_bootstrap_interval_is_near_a_percentile_bootstrap(sample):
    # Percentile bootstrap by hand, with other random numbers; of 40 values the two kinds differ by a few hundredths.
    draws = np.random.default_rng(9).choice(sample, size=(20_000, len(sample))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    interval = mean_interval(sample.tolist())
    assert interval.value == pytest.approx(sample.mean())
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.12 * (high - low))
    assert mean_interval(sample.tolist(), confidence=0.5).high < interval.high


def test_the_bootstrap_covers_the_true_mean_as_often_as_promised():
    random = np.random.default_rng(0)
    intervals = [mean_interval(random.normal(size=30).tolist(), confidence=0.8) for _ in range(100)]
    covered = sum(interval.low <= 0 <= interval.high for interval in intervals)
    assert 67 <= covered <= 91  # a binomial of 100 at 0.8, three standard deviations either way


def test_the_same_values_and_seed_give_the_same_interval(sample):
    values = torch.tensor(sample)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, seed=1) != mean_interval(values)


@pytest.mark.parametrize("method", ["bootstrap", "t"])
@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3]])
def test_the_interval_of_equal_values_is_unknown(values, method):
    assert mean_interval(values, method=method) == Interval(pytest.approx(0.3), None, None)


def test_two_values_have_no_nan():
    interval = mean_interval([0.0, 1.0])
    assert interval.value == 0.5
    assert interval.low is None or math.isfinite(interval.low)


def test_paired_differences_are_taken_by_image():
    hard = np.linspace(0, 100, 30)  # an image is as hard in both samples
    noise = np.random.default_rng(0).normal(scale=0.1, size=30)
    paired = paired_interval((hard + 1 + noise).tolist(), hard.tolist())
    assert paired == mean_interval((hard + 1 + noise - hard).tolist())
    assert 0.9 < paired.low < paired.value < paired.high < 1.1
    alone = mean_interval(hard.tolist())
    assert alone.high - alone.low > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([]), "at least one value"),
        (lambda: mean_interval([1.0, float("nan")]), "1 of 2 values are not finite"),
        (lambda: mean_interval([1.0, 2.0], confidence=1.0), "`confidence` must be between 0 and 1, got 1.0"),
        (lambda: mean_interval([1.0, 2.0], method="z"), "`method` must be 'bootstrap' or 't', got 'z'"),
        (lambda: paired_interval([1.0, 2.0], [1.0]), "of the same images, got 2 values and 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_note_has_the_number_of_images():
    assert "90% confidence intervals of the mean over 7 images" in interval_note(0.9, 7)
