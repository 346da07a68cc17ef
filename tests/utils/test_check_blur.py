"""The check of a blur's arguments."""

from __future__ import annotations

import pytest

from camaug.utils.check_blur import check_blur


def test_an_odd_width_and_a_positive_deviation_pass():
    check_blur(1, 0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 50.0), "`blur_kernel_size` must be a positive odd number of pixels, got 0"),
        ((4, 50.0), "`blur_kernel_size` must be a positive odd number of pixels, got 4"),
        ((51, 0.0), "`blur_sigma` must be a positive number of pixels, got 0.0"),
    ],
)
def test_another_blur_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_blur(*arguments)
