"""Classes of a data set's items."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import ConcatDataset, Subset

from camaug.callbacks._logging.dataset_targets import dataset_targets


class Listed:
    """A data set with its classes under any name."""

    def __init__(self, name: str, values) -> None:
        setattr(self, name, values)
        self.size = 3

    def __len__(self) -> int:
        return self.size


@pytest.mark.parametrize("name", ["targets", "labels", "_labels"])
@pytest.mark.parametrize("values", [[2, 0, 1], torch.tensor([2, 0, 1]), [2.0, 0.0, 1.0]])
def test_classes_under_any_usual_name(name, values):
    assert dataset_targets(Listed(name, values)) == [2, 0, 1]


@pytest.mark.parametrize("values", [[0, 1], ["a", "b", "c"], [0.5, 0, 1], [[0, 1], [1], []]])
def test_values_that_are_not_one_class_an_item(values):
    assert dataset_targets(Listed("targets", values)) is None


def test_subsets_and_concatenations(dataset):
    subset = Subset(dataset, [1, 5])
    assert dataset_targets(ConcatDataset([subset, Subset(subset, [0])])) == [1, 2, 1]
    assert dataset_targets(ConcatDataset([subset, Subset([10, 20], [0])])) is None
