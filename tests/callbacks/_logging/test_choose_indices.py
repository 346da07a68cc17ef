"""Choice of items of a data set."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.choose_indices import balanced_indices, choose_indices


@pytest.mark.parametrize(
    ("targets", "count", "expected"),
    [
        ([0, 1, 2, 0, 1, 2], 3, [0, 1, 2]),
        ([0, 0, 0, 0, 1, 1, 2], 4, [0, 2, 4, 6]),
        ([5, 5, 5, 9], 3, [0, 1, 3]),
        ([0, 1, 2, 3], 2, [0, 2]),
        ([1, 1], 2, [0, 1]),
    ],
)
def test_every_class_has_equally_many_images(targets, count, expected):
    assert balanced_indices(targets, count) == expected


def test_classes_decide_where_they_are_known_and_distance_elsewhere(dataset):
    dataset.targets = sorted(dataset.targets)
    assert choose_indices(dataset, 3) == [0, 8, 16]
    assert choose_indices(range(10), 5) == [0, 2, 4, 6, 8]
