"""The probe images."""

from __future__ import annotations

import pytest
import torch

from camaug.callbacks._logging.probes import Probes


def test_slices_are_the_positions_of_each_batch():
    probes = Probes([torch.rand(count, 3, 4, 4) for count in (4, 4, 1)], list(range(9)))
    assert [list(range(9))[part] for part in probes.slices] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]


def probes_with(labels) -> Probes:
    return Probes([torch.rand(len(labels), 3, 4, 4)], list(range(len(labels))), [labels])


@pytest.mark.parametrize("labels", [torch.tensor([[1], [-1], [0]]), torch.tensor([1, -100, 0])])
def test_class_indices_and_unlabelled_images(labels):
    assert probes_with(labels).with_classes(3).labels == [1, None, 0]


def test_truth_values_of_a_model_with_one_logit():
    assert probes_with(torch.tensor([1.0, 0.0])).with_classes(2).labels == [1, 0]


def test_soft_labels_are_the_most_probable_class():
    assert probes_with(torch.tensor([[0.2, 0.7, 0.1], [0.9, 0.1, 0.0]])).with_classes(3).labels == [1, 0]


def test_several_labels_are_the_positive_classes():
    probes = probes_with(torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])).with_classes(3)
    assert probes.positives == [(0, 2), ()]
    assert probes.labels == [0, None]
    assert probes.has_several


def test_labels_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="labels name class 5, and the model has 3 classes"):
        probes_with(torch.tensor([5])).with_classes(3)
