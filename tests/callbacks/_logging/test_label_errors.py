"""Missed labels and false positives of images with several labels."""

from __future__ import annotations

import torch

from camaug.callbacks._logging.label_errors import explained_labels, false_positives, missed_labels

PROBABILITIES = torch.tensor([0.9, 0.5, 0.499, 0.7, 0.1])


def test_a_class_counts_as_predicted_from_one_half_on():
    assert missed_labels([1, 2, 4], PROBABILITIES) == [2, 4]
    assert false_positives([1, 2, 4], PROBABILITIES) == [0, 3]
    assert (missed_labels([0, 1, 3], PROBABILITIES), false_positives([0, 1, 3], PROBABILITIES)) == ([], [])


def test_probabilities_that_are_not_finite_miss_every_label():
    unknown = torch.full((3,), float("nan"))
    assert (missed_labels([0, 2], unknown), false_positives([0, 2], unknown)) == ([0, 2], [])


def test_the_most_probable_of_many_labels_are_explained():
    probabilities = torch.tensor([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.05])
    assert explained_labels(range(8), probabilities) == list(range(8))
    assert explained_labels(range(10), probabilities) == [1, 3, 5, 7, 8, 6, 4, 2]
