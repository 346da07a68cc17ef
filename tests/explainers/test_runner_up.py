from __future__ import annotations

import torch

from camaug.explainers.runner_up import runner_up

LOGITS = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])


def test_the_best_of_the_other_classes():
    assert runner_up(torch.tensor([0, 2])).score(LOGITS).tolist() == [2.0, 5.0]
    assert runner_up(torch.tensor([1, 1])).score(LOGITS).tolist() == [3.0, 4.0]


def test_none_of_several_classes():
    score = runner_up(torch.tensor([[0, 2], [1, -1]])).score(LOGITS)
    assert score.tolist() == [[1.0, 1.0], [4.0, 4.0]]


def test_rows_of_other_images():
    assert runner_up(torch.tensor([0, 2])).score(LOGITS.flip(0), torch.tensor([1, 0])).tolist() == [5.0, 2.0]
