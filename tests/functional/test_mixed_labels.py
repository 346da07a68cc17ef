from __future__ import annotations

import torch
import torch.nn.functional as F

from camaug.functional.mixed_labels import label_probabilities, mixed_labels


def test_mixed_labels_by_hand():
    labels, pasted_labels = torch.tensor([0, 2]), torch.tensor([1, 2])
    kept, pasted = torch.tensor([0.3, 0.5]), torch.tensor([0.9, 0.5])
    expected = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(mixed_labels(labels, pasted_labels, kept, pasted, 3), expected)
    soft = F.one_hot(labels, 3).float() * 0.7 + 0.1
    torch.testing.assert_close(
        mixed_labels(soft, F.one_hot(pasted_labels, 3), kept, pasted, 3)[0], torch.tensor([0.2, 0.775, 0.025])
    )


def test_labels_stay_if_nothing_is_visible():
    labels, nothing = torch.tensor([0]), torch.zeros(1)
    assert torch.equal(mixed_labels(labels, torch.tensor([1]), nothing, nothing, 3), F.one_hot(labels, 3).float())


def test_probabilities_stay():
    soft = torch.tensor([[0.25, 0.75]])
    assert torch.equal(label_probabilities(soft, 2), soft)
    assert label_probabilities(torch.tensor([1]), 3).tolist() == [[0.0, 1.0, 0.0]]
