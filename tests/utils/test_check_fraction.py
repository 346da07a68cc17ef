from __future__ import annotations

import math

import pytest

from camaug.utils.check_fraction import check_fraction


@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_fractions(value):
    check_fraction("share", value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_others_are_refused(value):
    with pytest.raises(ValueError, match=f"`share` must be between 0 and 1, got {value}"):
        check_fraction("share", value)
