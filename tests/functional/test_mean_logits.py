from __future__ import annotations

import pytest
import torch

from camaug.functional.mean_logits import mean_logits

FIRST, SECOND = torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([[-3.0, 4.0, 100.0]])


def test_the_softmax_is_the_mean_of_both_probabilities() -> None:
    expected = (FIRST.softmax(1) + SECOND.softmax(1)) / 2
    torch.testing.assert_close(mean_logits(FIRST, SECOND).softmax(1), expected)


def test_the_result_is_also_the_logarithm_of_the_probabilities() -> None:
    mean = mean_logits(FIRST, SECOND)
    torch.testing.assert_close(mean, mean.log_softmax(1))


def test_the_sigmoid_of_several_labels_is_the_mean_of_both_probabilities() -> None:
    expected = (FIRST.sigmoid() + SECOND.sigmoid()) / 2
    torch.testing.assert_close(mean_logits(FIRST, SECOND, multi_label=True).sigmoid(), expected)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_logit_for_each_image_keeps_its_shape(shape: tuple[int, ...]) -> None:
    first, second = FIRST.reshape(shape), SECOND.reshape(shape)
    mean = mean_logits(first, second)
    torch.testing.assert_close(mean.sigmoid(), (first.sigmoid() + second.sigmoid()) / 2)
    assert mean.shape == shape


def test_extreme_logits_stay_finite_and_equal_predictions_stay_as_they_are() -> None:
    logits = torch.tensor([[1000.0, -1000.0]])
    torch.testing.assert_close(mean_logits(logits, logits, multi_label=True), logits)
    assert mean_logits(logits, -logits).isfinite().all()


def test_half_precision_is_kept() -> None:
    assert mean_logits(FIRST.bfloat16(), SECOND.bfloat16()).dtype == torch.bfloat16
