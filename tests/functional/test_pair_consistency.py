from __future__ import annotations

import math

import pytest
import torch

from camaug.functional.pair_consistency import pair_consistency


def test_by_hand():
    """The Jensen-Shannon divergence is ln 2 between (1, 0) and (0, 1), and 0 between equal predictions."""
    certain = torch.tensor([[60.0, 0.0], [5.0, 1.0], [0.0, 60.0], [5.0, 1.0]])
    assert pair_consistency(certain, torch.tensor([0, 1])).item() == pytest.approx(math.log(2) / 2, rel=1e-5)
    assert pair_consistency(certain[:2], torch.tensor([], dtype=torch.int64)).item() == 0
    one, other = torch.tensor([0.9, 0.1]), torch.tensor([0.4, 0.6])
    mean = (one + other) / 2
    expected = ((one * (one / mean).log()).sum() + (other * (other / mean).log()).sum()) / 2
    divergence = pair_consistency(torch.stack([one, other]).log(), torch.tensor([0]))
    assert divergence.item() == pytest.approx(expected.item(), rel=1e-5)


def test_its_gradient_pulls_both_predictions_together():
    logits = torch.randn(6, 4, requires_grad=True)
    index = torch.tensor([2, 0])
    before = pair_consistency(logits, index)
    before.backward()
    assert (logits.grad[[0, 2, 4, 5]].abs().sum(dim=1) > 0).all()
    assert (logits.grad[[1, 3]] == 0).all()
    assert pair_consistency(logits - 0.5 * logits.grad, index) < before


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_default_dtype_of_low_precision_does_not_matter(multilabel, bfloat16_by_default):
    """Lightning's bf16-true makes every new tensor bfloat16, in which ln 2 is 0.0018 too large."""
    logits, index = torch.randn(6, 4), torch.tensor([2, 0])
    logits[4:] = logits[index] + 0.01
    expected = pair_consistency(logits.bfloat16().float(), index, multilabel=multilabel)
    with bfloat16_by_default():
        divergence = pair_consistency(logits.bfloat16(), index, multilabel=multilabel)
    assert divergence.dtype == torch.float32
    assert torch.equal(divergence, expected)
    assert divergence >= 0


@pytest.mark.parametrize("multilabel", [False, True])
def test_equal_predictions_are_never_below_0(multilabel):
    logits = 10 * torch.randn(100, 5)
    for row in logits:
        divergence = pair_consistency(row.expand(2, 5), torch.tensor([0]), multilabel=multilabel)
        assert 0 <= divergence.item() < 1e-6


def _bernoulli_divergence(p: float, q: float) -> float:
    m = (p + q) / 2
    return sum(a * math.log(a / b) for a, b in ((p, m), (1 - p, 1 - m), (q, m), (1 - q, 1 - m))) / 2


def test_several_labels_by_hand():
    """Probabilities 1/2 and 3/4 for one class and 1/5 and 1/5 for the other: (0.0338 + 0) / 2."""
    odds = torch.tensor([[1.0, 0.25], [3.0, 0.25]])  # p / (1 - p)
    divergence = pair_consistency(odds.log(), torch.tensor([0]), multilabel=True).item()
    assert divergence == pytest.approx(_bernoulli_divergence(0.5, 0.75) / 2, rel=1e-5)
    assert divergence == pytest.approx(0.0338 / 2, abs=5e-5)
    certain = torch.tensor([[60.0, -60.0, 60.0], [-60.0, 60.0, 60.0]])
    divergence = pair_consistency(certain, torch.tensor([0]), multilabel=True).item()
    assert divergence == pytest.approx(2 / 3 * math.log(2), rel=1e-5)


def test_one_logit_gives_the_value_of_two_classes():
    logits, index = torch.randn(6, 1), torch.tensor([2, 0])
    expected = pair_consistency(torch.cat([-logits / 2, logits / 2], dim=1), index)
    torch.testing.assert_close(pair_consistency(logits, index), expected)
    torch.testing.assert_close(pair_consistency(logits, index, multilabel=True), expected)
    assert expected > 0.01


def test_the_gradient_of_several_labels_is_finite():
    logits = torch.tensor([[80.0, -90.0], [-80.0, 0.0]], requires_grad=True)
    pair_consistency(logits, torch.tensor([0]), multilabel=True).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[1, 1] != 0
