from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from camaug.metrics import ROAD, AverageDrop, InsertionDeletion, Trust
from camaug.metrics.mean_over_images import MeanOverImages, ModelMetric
from tests.toys import OtherOutput

METRICS = [
    pytest.param(AverageDrop, id="average drop"),
    pytest.param(lambda **settings: InsertionDeletion(step=0.25, **settings), id="insertion and deletion"),
    pytest.param(lambda **settings: ROAD([50], **settings), id="ROAD"),
    pytest.param(lambda **settings: Trust("grad-cam", **settings), id="trust"),
]


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


def _measured(metric, model, images, targets):
    metric.update(model, images, images.mean(dim=1), targets)
    return metric.compute()


@pytest.mark.parametrize("make", METRICS)
@pytest.mark.parametrize("targets", [None, torch.tensor([0, 1, 1, 0])], ids=["predicted", "given"])
def test_logits_are_read_from_every_kind_of_output(make, targets, net, images):
    expected = _measured(make(), net, images, targets)
    for output in (
        lambda logits: {"loss": 0.5, "logits": logits},
        lambda logits: (logits, logits.new_zeros(len(logits), 8, 2, 2)),
        lambda logits: SimpleNamespace(loss=None, logits=logits),
    ):
        model = OtherOutput(net, output)
        assert _measured(make(), model, images, targets) == expected
        assert _measured(make(forward=lambda batch, model=model: model(batch)), net, images, targets) == expected


@pytest.mark.parametrize("make", METRICS)
@pytest.mark.parametrize("targets", [None, torch.tensor([0, 1, 1, 0])], ids=["predicted", "given"])
def test_one_logit_is_a_classifier_of_two_classes(make, targets, net, images):
    two_classes = OtherOutput(net, lambda logits: logits[:, :1] * torch.tensor([-0.5, 0.5]))
    expected = _measured(make(), two_classes, images, targets)
    for output in (lambda logits: logits[:, :1], lambda logits: logits[:, 0], lambda logits: {"out": logits[:, 0]}):
        torch.testing.assert_close(_measured(make(), OtherOutput(net, output), images, targets), expected)


@pytest.mark.parametrize("make", METRICS)
def test_a_default_dtype_of_low_precision_does_not_matter(make, net, images, bfloat16_by_default):
    model, images = net.bfloat16(), images.bfloat16()
    maps = images.float().mean(dim=1)
    values = []
    for default in (nullcontext, bfloat16_by_default):
        with default():
            metric = make()
            metric.update(model, images, maps)
            values.append(metric.compute())
    assert values[0] == values[1]
    assert {value.dtype for value in values[1].values()} == {torch.float32}


@pytest.mark.parametrize("make", METRICS)
def test_an_output_without_logits_is_refused_with_the_way_out(make, net, images):
    model = OtherOutput(net, lambda logits: {"features": logits[:, :, None]})
    message = r"dict\('features': float32 \(4, 5, 1\)\): pass forward=.*forward\(images\) of an explainer, a metric"
    with pytest.raises(ValueError, match=message):
        _measured(make(), model, images, None)
