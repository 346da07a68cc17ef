from __future__ import annotations

import pytest
import torch

from camaug.metrics.confidence import confidence, predicted_classes


def test_confidence_is_the_softmax_probability_in_float32():
    logits = torch.tensor([[1.0, 1.0, 1.0], [0.0, 100.0, 0.0]], dtype=torch.bfloat16)
    torch.testing.assert_close(confidence(logits, torch.tensor([2, 1])), torch.tensor([1 / 3, 1.0]))


def test_unknown_classes_are_refused():
    with pytest.raises(ValueError, match=r"among the model's 2 classes, 0 to 1, got \[2\]"):
        confidence(torch.zeros(1, 2), torch.tensor([2]))


def test_predicted_classes_leave_the_model_unchanged(restless_net, unchanged):
    images = torch.rand(4, 3, 16, 16)
    with unchanged(restless_net):
        classes = predicted_classes(restless_net, images, lambda batch: -restless_net(batch).sort(dim=1).values)
    assert classes.tolist() == [0, 0, 0, 0]
