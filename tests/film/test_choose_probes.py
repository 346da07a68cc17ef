"""A film is of the images that change most, or of given ones."""

from __future__ import annotations

import pytest

from camaug.film.choose_probes import check_probes, most_changed_probes


def record(ids, drift):
    return {"probes": [{"id": each, "labels": []} for each in ids], "snapshots": {"drift": drift}}


def test_the_image_of_the_greatest_sum_of_drift_is_chosen():
    drift = [[None, None, None], [0.5, 0.2, None], [0.0, 0.4, 0.55]]
    assert most_changed_probes(record([7, 3, 9], drift), 1) == [3]
    assert most_changed_probes(record([7, 3, 9], drift), 2) == [3, 9]
    assert most_changed_probes(record([7, 3, 9], drift), 20) == [3, 9, 7]


def test_without_drift_it_is_the_first():
    assert most_changed_probes(record([7, 3], [[None, None]]), 1) == [7]


def test_given_images_keep_their_order_each_once():
    assert check_probes(record([7, 3, 9], []), [9, 7, 9]) == [9, 7]


def test_an_unknown_image_is_refused_with_some_that_exist():
    with pytest.raises(ValueError, match=r"no heatmaps of image 4, expected one of 7, 3, 9$"):
        check_probes(record([7, 3, 9], []), [7, 4])
    with pytest.raises(ValueError, match=r"expected one of 0, 1, .*, 11 and 28 more$"):
        check_probes(record(range(40), []), [-1])
