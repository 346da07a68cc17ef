from __future__ import annotations

import pytest
import torch

from camaug.metrics.mean_over_images import MeanOverImages, ModelMetric


class Sum(MeanOverImages):
    """A metric of the sum of each map."""

    values = ("total",)

    def update(self, maps):
        self.add(total=maps.sum(dim=(1, 2)))


class Zero(ModelMetric):
    """A metric that is 0 for every image."""

    values = ("zero",)

    def measure(self, model, images, maps, targets):
        return {"zero": images.new_zeros(len(images))}


def test_values_are_averaged_over_the_images_of_all_batches():
    metric = Sum()
    metric.update(torch.ones(1, 2, 2))
    metric.update(torch.zeros(3, 2, 2))
    assert metric.compute() == {"total": 1.0}
    assert metric.count == 4
    metric.reset()
    metric.update(torch.ones(2, 2, 2))
    assert metric.compute() == {"total": 4.0}


def test_an_empty_batch_is_not_measured(net, images, monkeypatch):
    metric = Zero()
    monkeypatch.setattr(metric, "measure", lambda *_: pytest.fail("it was measured"))
    metric.update(net, images[:0], torch.rand(0, 16, 16))
    with pytest.raises(ValueError, match="Zero has seen no images: call update first"):
        metric.compute()


def test_maps_of_another_size_are_refused(net, images):
    with pytest.raises(ValueError, match=r"got maps \(4, 8, 8\) and images \(4, 3, 16, 16\)"):
        Zero().update(net, images, torch.rand(4, 8, 8))
