"""Displayed bands."""

from __future__ import annotations

import pytest

from camaug.images.bands import check_bands, choose_bands, describe_bands


@pytest.mark.parametrize(
    ("bands", "channels", "chosen", "described"),
    [
        (None, 1, (0,), ""),
        (None, 2, (0,), "band 0"),
        (None, 3, (0, 1, 2), ""),
        (None, 4, (0, 1, 2), "bands 0, 1, 2"),
        ([3, 2, 1], 13, (3, 2, 1), "bands 3, 2, 1"),
        ((2, 1, 0), 3, (2, 1, 0), "bands 2, 1, 0"),
        ((7,), 13, (7,), "band 7"),
    ],
)
def test_chosen_bands(bands, channels, chosen, described):
    assert choose_bands(bands, channels) == chosen
    assert describe_bands(bands, channels) == described


@pytest.mark.parametrize("bands", [(), (1, 2), (0, 1, 2, 3), (-1,), (0.5,)])
def test_impossible_bands(bands):
    with pytest.raises(ValueError, match=r"`bands` are three indices from 0, .* or one for grey, got \("):
        check_bands(bands)


def test_missing_bands():
    with pytest.raises(ValueError, match=r"`bands` are \(3, 2, 1\), counted from 0, and the images have 1 channel$"):
        choose_bands((3, 2, 1), 1)
