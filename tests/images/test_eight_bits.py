"""Pixel values of more than 8 bits as 8-bit values."""

from __future__ import annotations

import numpy as np
import pytest

from camaug.images.eight_bits import check_value_range, to_eight_bits


@pytest.mark.parametrize("dtype", [np.uint16, ">u2", np.int32])
def test_16_bits_keep_their_highest_8(dtype):
    values = np.arange(65536).astype(dtype)
    assert to_eight_bits(values).tolist() == [value >> 8 for value in range(65536)]


@pytest.mark.parametrize(("bits", "shift"), [(12, 4), (10, 2), (14, 6)])
def test_fewer_bits_of_16_keep_their_highest_8(bits, shift):
    values = np.arange(2**bits).astype(np.uint16)
    assert to_eight_bits(values, (0, 2**bits - 1)).tolist() == [value >> shift for value in range(2**bits)]


def test_floating_point_values():
    values = np.array([0.0, 0.25, 0.5, 1.0], np.float32)
    assert to_eight_bits(values).tolist() == [0, 64, 128, 255]
    assert to_eight_bits(values * 1400 - 1000, (-1000, 400)).tolist() == [0, 64, 128, 255]
    assert to_eight_bits(values, (0.25, 0.5)).tolist() == [0, 0, 255, 255]


def test_percentiles():
    values = np.arange(101).astype(np.float32) * 37 - 500
    shades = to_eight_bits(values, "percentiles")
    assert shades[[0, 2, 26, 50, 98, 100]].tolist() == [0, 0, 64, 128, 255, 255]
    assert to_eight_bits(np.full((3, 3), 7.0), "percentiles").tolist() == [[0] * 3] * 3


def test_values_that_are_not_finite_become_black():
    values = np.array([np.nan, np.inf, -np.inf, 0.5, 1.0])
    for value_range in (None, "percentiles", (0, 1)):
        assert to_eight_bits(values, value_range)[:3].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="it has no finite value"):
        to_eight_bits(np.full(3, np.nan))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0.0, 4095.0]), "reach from 0 to 4095, and floating-point images have values from 0 to 1: give the"),
        (np.array([-1, 9]), "from -1 to 9, and integer images have values from 0 to 65535: .* value_range=.low, high."),
    ],
)
def test_values_outside_the_whole_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        to_eight_bits(values)


@pytest.mark.parametrize("value_range", ["minmax", (1,), (3, 3), (5, 4), (0, float("nan"))])
def test_impossible_ranges(value_range):
    with pytest.raises(ValueError, match="`value_range` is the values that become black and white"):
        check_value_range(value_range)


@pytest.mark.parametrize("value_range", [None, "percentiles", (0, 1), [-1000.0, 400.0]])
def test_possible_ranges(value_range):
    check_value_range(value_range)
