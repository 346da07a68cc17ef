from __future__ import annotations

from itertools import pairwise

import pytest

from camaug.callbacks._logging.logged_snapshots import logs_images_of


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        (1, [0]),
        (20, list(range(20))),
        (21, [0, 2, 5, 8, 11, 14, 17, 20]),
        (1000, [0, *range(99, 1000, 100)]),
    ],
)
def test_of_many_planned_snapshots_about_ten_are_written(planned, expected):
    assert [number for number in range(planned) if logs_images_of(number, planned)] == expected


@pytest.mark.parametrize("count", [12, 100, 1000, 10000])
def test_of_an_unknown_number_the_distance_doubles_with_the_number(count):
    written = [number for number in range(count) if logs_images_of(number, None)]
    assert written[:12] == list(range(12))
    of_second_half = [number for number in written if number >= count // 2]
    assert 5 <= len(of_second_half) <= 7
    assert len({b - a for a, b in pairwise(of_second_half)}) <= 2
