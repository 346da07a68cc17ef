"""Checks of arguments that several callbacks share."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.check_arguments import check_display, check_overlay, check_positive


def test_numbers_may_be_missing_but_not_zero():
    check_positive(images=None, every_n_epochs=1)
    with pytest.raises(ValueError, match="`images` must be at least 1, got 0"):
        check_positive(every_n_epochs=1, images=0)


@pytest.mark.parametrize(
    ("colormap", "strength", "message"),
    [
        ("jet", -0.1, "`strength` must be between 0 and 1, got -0.1"),
        ("rainbow", 0.5, "unknown colour map 'rainbow', .*expected one of .*viridis"),
    ],
)
def test_impossible_overlays(colormap, strength, message):
    check_overlay("jet", 1.0)
    with pytest.raises(ValueError, match=message):
        check_overlay(colormap, strength)


def test_impossible_displays():
    check_display((3, 2, 1), mean=0.5, std=[1.0, 2.0])
    check_display(None, mean=None, std=None)
    with pytest.raises(ValueError, match="`bands` are three indices from 0"):
        check_display((3, 2))
    with pytest.raises(ValueError, match="`std` is a number or one for each channel, got 'none'"):
        check_display(None, mean=0.5, std="none")
