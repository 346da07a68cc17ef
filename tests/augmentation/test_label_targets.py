from __future__ import annotations

import pytest
import torch

from camaug.augmentation.label_targets import label_targets


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.int16])
@pytest.mark.parametrize("column", [False, True])
def test_class_indices(dtype, column):
    labels = torch.tensor([2, 0, 1], dtype=dtype)
    targets = label_targets(labels[:, None] if column else labels, 3)
    assert targets.dtype == torch.int64
    assert targets.tolist() == [2, 0, 1]


def test_negative_indices_are_unlabelled():
    assert label_targets(torch.tensor([1, -1, -100]), 3).tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    "labels", [torch.tensor([1.0, 0.0]), torch.tensor([[1.0], [0.0]]), torch.tensor([True, False])]
)
def test_truth_values_of_a_binary_classifier(labels):
    assert label_targets(labels, 2).tolist() == [1, 0]


def test_probabilities_and_one_hot_rows_are_one_class():
    assert label_targets(torch.tensor([[0.1, 0.7, 0.2], [1, 0, 0]]), 3).tolist() == [1, 0]
    assert label_targets(torch.tensor([[0, 1, 0], [0, 0, 1]]), 3).tolist() == [1, 2]


def test_several_positive_classes():
    labels = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    assert label_targets(labels, 4).tolist() == [[0, 2, 3], [-1, -1, -1], [1, -1, -1]]
    assert label_targets(labels.bool(), 4).tolist() == label_targets(labels.float(), 4).tolist()


def test_whole_numbers_are_class_indices_of_more_than_two_classes():
    labels = torch.tensor([2.0, 0.0, -1.0], dtype=torch.float64)
    assert label_targets(labels, 3).tolist() == [2, 0, -1]
    with pytest.raises(ValueError, match="are read as truth values"):
        label_targets(labels, 2)


def test_smoothed_several_labels():
    assert label_targets(torch.tensor([[0.95, 0.05, 0.95]]), 3).tolist() == [[0, 2]]


def test_rows_without_a_label():
    assert label_targets(torch.tensor([[0.0, 0.0], [0.0, 1.0]]), 2).tolist() == [-1, 1]
    assert label_targets(torch.tensor([[-1.0, -1.0], [0.0, 1.0]]), 2).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (torch.tensor([0, 7]), 3, r"labels name class 7, and the model has 3 classes, 0 to 2"),
        (torch.tensor([0.3, 2.5]), 2, r"truth values in \[0, 1\].*between 0.3 and 2.5"),
        (torch.tensor([0.0, 0.5]), 5, r"the model has 5 classes"),
        (torch.tensor([0.0, 7.0]), 5, r"labels name class 7, and the model has 5 classes"),
        (torch.tensor([True, False]), 5, r"the model has 5 classes"),
        (torch.zeros(2, 4), 3, r"expected labels of 3 classes.*got torch.float32 \(2, 4\)"),
        (torch.zeros(2, 3, 3), 3, r"got torch.float32 \(2, 3, 3\)"),
    ],
)
def test_labels_that_do_not_fit(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        label_targets(labels, classes)


@pytest.mark.parametrize("labels", [torch.empty(0, dtype=torch.int64), torch.empty(0), torch.empty(0, 3)])
def test_no_images(labels):
    assert label_targets(labels, 2 if labels.dtype == torch.float32 and labels.dim() == 1 else 3).shape == (0,)
