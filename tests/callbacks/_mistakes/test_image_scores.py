"""Scores by which validation images are chosen."""

from __future__ import annotations

import math

import pytest
import torch

from camaug.callbacks._mistakes.image_scores import LISTS, score_images

INFINITY = math.inf


def scores_of(scored) -> dict[str, list[float]]:
    return dict(zip(LISTS, scored.scores.tolist(), strict=True))


def test_scores_of_one_label_by_hand():
    logits = torch.tensor([[math.log(8), math.log(1), math.log(1)], [0.0, math.log(3), 0.0], [0.0, 0.0, 0.0]])
    scored = score_images(logits, torch.tensor([1, 1, -1]), torch.arange(3))
    assert scored.predicted.tolist()[:2] == [0, 1]
    assert scored.is_wrong.tolist() == [True, False, False]
    assert scored.is_correct.tolist() == [False, True, False]
    scores = scores_of(scored)
    assert scores["wrong"] == pytest.approx([0.8, -INFINITY, -INFINITY])
    assert scores["forgotten"] == [-INFINITY] * 3
    assert scores["uncertain"] == pytest.approx([-0.7, -0.4, 0.0], abs=1e-6)


def test_forgotten_images_are_wrong_ones_that_were_correct():
    logits = torch.tensor([[2.0, 0.0]] * 3)
    was_correct = torch.tensor([True, False, True])
    scored = score_images(logits, torch.tensor([1, 1, 0]), torch.arange(3), was_correct)
    forgotten = scores_of(scored)["forgotten"]
    assert forgotten[0] == pytest.approx(1 / (1 + math.exp(-2)))
    assert forgotten[1:] == [-INFINITY, -INFINITY]


def test_scores_of_several_labels_by_hand():
    logit = math.log(9)  # a probability of 0.9
    logits = torch.tensor([[logit, -logit, 0.0], [logit, logit, -logit]])
    scored = score_images(logits, torch.tensor([[True, True, False], [True, True, False]]), torch.arange(2))
    assert scored.is_wrong.tolist() == [True, False]  # the second class of the first image is missed
    assert scores_of(scored)["wrong"] == pytest.approx([0.9, -INFINITY])
    assert scores_of(scored)["uncertain"] == pytest.approx([0.0, -0.8], abs=1e-6)


def test_labels_beyond_the_classes_count_as_missing():
    scored = score_images(torch.tensor([[1.0, 0.0]]), torch.tensor([7]), torch.arange(1))
    assert not scored.is_wrong.any()
    assert not scored.is_correct.any()


@pytest.mark.parametrize("value", [math.nan, INFINITY])
def test_images_without_finite_logits_are_in_no_list(value):
    scored = score_images(torch.tensor([[value, 0.0]]), torch.tensor([1]), torch.arange(1))
    assert scored.scores.tolist() == [[-INFINITY]] * 4


def test_the_sample_is_spread_evenly_and_changes_with_the_turn():
    logits, targets, numbers = torch.zeros(1000, 2), torch.zeros(1000, dtype=torch.long), torch.arange(1000)
    chances = [scores_of(score_images(logits, targets, numbers, turn=turn))["sample"] for turn in (0, 1)]
    for chance in chances:
        counts = torch.histc(torch.tensor(chance), bins=10, min=0, max=1)
        assert counts.min() >= 95
        assert counts.max() <= 105
    best = [max(range(1000), key=chance.__getitem__) for chance in chances]
    assert best[0] != best[1]
