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
