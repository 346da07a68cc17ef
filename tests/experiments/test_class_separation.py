"""Correlation of class maps, and confidence in the masked images."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments.class_separation import class_correlation, confidence_through


def test_correlation_is_the_mean_of_all_pairs():
    one = torch.rand(2, 4, 4)
    maps = torch.stack([one, one, 1 - one], dim=1)  # pairs: 1, -1, -1
    assert class_correlation(maps).tolist() == pytest.approx([-1 / 3, -1 / 3])


def test_confidence_through_a_map_of_ones_is_the_confidence_in_the_image(two_halves, batches):
    images, classes = batches[0].images, torch.tensor([[0, 1]] * 4)
    maps = torch.stack([torch.ones(4, 16, 16), torch.zeros(4, 16, 16)], dim=1)
    through = confidence_through(two_halves, images, maps, classes)
    with torch.no_grad():
        whole = two_halves(images).softmax(dim=1)[:, :2]
    assert torch.allclose(through[:, :, 0], whole)
    assert not torch.allclose(through[:, :, 1], whole, atol=0.01)
