"""Labels of a validation batch."""

from __future__ import annotations

import pytest
import torch

from camaug.augmentation.label_targets import label_targets
from camaug.callbacks._mistakes.read_targets import read_targets

CPU = torch.device("cpu")


@pytest.mark.parametrize("labels", [
    torch.tensor([0, 2, 1]),
    torch.tensor([[0], [2], [1]]),
    torch.tensor([0, 2, 1], dtype=torch.int32),
    torch.tensor([0.0, 2.0, 1.0]),
    torch.tensor([[1.0, 0, 0], [0, 0, 1], [0.2, 0.7, 0.1]]),
    torch.tensor([-1, 2, 1]),
])  # fmt: skip
def test_labels_are_read_as_elsewhere(labels):
    assert read_targets(labels, 3, 3, CPU, several=False).tolist() == label_targets(labels, 3).tolist()


@pytest.mark.parametrize(
    "labels", [torch.tensor([0.0, 1.0]), torch.tensor([False, True]), torch.tensor([[0.1], [0.9]])]
)
def test_truth_values_of_two_classes(labels):
    assert read_targets(labels, 2, 2, CPU, several=False).tolist() == [0, 1]


def test_rows_with_several_labels():
    labels = torch.tensor([[1, 0, 1], [0, 0, 0]])
    assert read_targets(labels, 2, 3, CPU, several=True).tolist() == [[True, False, True], [False] * 3]


@pytest.mark.parametrize("labels", [None, torch.zeros(2, 5), torch.zeros(2, 3, 3)])
def test_labels_that_do_not_fit_count_as_missing(labels):
    assert read_targets(labels, 2, 3, CPU, several=False).tolist() == [-1, -1]
    assert not read_targets(labels, 2, 3, CPU, several=True).any()
