from __future__ import annotations

import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy

from camaug.metrics import WorstGroupAccuracy, count_correct


def test_counts_of_three_classes():
    logits = torch.eye(3)[[0, 1, 1, 2]]
    correct, count = count_correct(logits, torch.tensor([0, 0, 1, 1]), 3)
    assert correct.tolist() == [1, 1, 0]
    assert count.tolist() == [2, 2, 0]


def test_the_worst_group_is_the_least_accurate_class_of_any_kind():
    torch.manual_seed(0)
    metric, accuracies = WorstGroupAccuracy(3, 2), []
    for kind in range(2):
        per_class = MulticlassAccuracy(3, average=None)
        for _ in range(3):
            logits, labels = torch.randn(20, 3), torch.randint(3, (20,))
            metric.update(logits, labels, kind)
            per_class.update(logits, labels)
        accuracies.append(per_class.compute())
    torch.testing.assert_close(metric.compute(), torch.cat(accuracies).min())


def test_groups_without_images_are_left_out():
    metric = WorstGroupAccuracy(3, 2)
    metric.update(torch.eye(3)[:2], torch.tensor([0, 1]), 1)
    assert metric.compute() == 1


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_images_and_impossible_numbers_are_errors():
    with pytest.raises(ValueError, match="WorstGroupAccuracy has seen no images"):
        WorstGroupAccuracy(3, 2).compute()
    with pytest.raises(ValueError, match="`num_kinds` must be at least 1, got 0"):
        WorstGroupAccuracy(3, 0)
