"""Checks of arguments that several callbacks share."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.check_arguments import check_overlay, check_positive


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
