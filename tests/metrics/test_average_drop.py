from __future__ import annotations

import pytest
import torch

from camaug.metrics import AverageDrop, confidence_drop


def test_confidence_drop_of_three_images():
    drop, increase = confidence_drop(torch.tensor([0.8, 0.5, 0.0]), torch.tensor([0.2, 0.6, 0.0]))
    torch.testing.assert_close(drop, torch.tensor([0.75, 0.0, 0.0]))
    assert increase.tolist() == [0, 1, 0]


@pytest.mark.filterwarnings("default")
def test_metric_against_torchcam(net, images):
    """On the masks that it makes itself, in float64."""
    metrics = pytest.importorskip("torchcam.metrics")
    methods = pytest.importorskip("torchcam.methods")
    net, images = net.double(), images.double()
    with methods.LayerCAM(net, "body") as cam:
        theirs = metrics.ClassificationMetric(cam, lambda logits: logits.softmax(dim=1))
        theirs.update(images)
        (maps,) = cam(net(images).argmax(dim=1).tolist(), net(images.clone().requires_grad_()).softmax(dim=1))
    maps = torch.nn.functional.interpolate(maps[:, None].double(), size=(16, 16), mode="bilinear")[:, 0]
    ours = AverageDrop()
    ours.update(net, images, maps)
    expected, values = theirs.summary(), ours.compute()
    assert values["average_drop"].item() == pytest.approx(expected["avg_drop"], abs=2e-3)
    assert values["increase"].item() == pytest.approx(expected["conf_increase"], abs=1e-6)


def test_full_maps_lose_nothing_and_empty_maps_show_black(net, images):
    full, empty = AverageDrop(), AverageDrop()
    full.update(net, images, torch.ones(4, 16, 16))
    empty.update(net, images, torch.zeros(4, 16, 16))
    assert full.compute()["average_drop"] == 0
    assert full.compute()["increase"] == 0
    before = net(images).softmax(dim=1).amax(dim=1)
    black = net(torch.zeros(1, 3, 16, 16)).softmax(dim=1)[0][net(images).argmax(dim=1)]
    torch.testing.assert_close(empty.compute()["average_drop"], confidence_drop(before, black)[0].mean().detach())


def test_the_model_is_unchanged(restless_net, unchanged):
    images, maps = torch.rand(2, 3, 16, 16), torch.rand(2, 16, 16)
    with unchanged(restless_net):
        AverageDrop().update(restless_net, images, maps)


def test_no_images_are_refused(net, images):
    metric = AverageDrop()
    metric.update(net, images[:0], torch.rand(0, 16, 16))
    with pytest.raises(ValueError, match="AverageDrop has seen no images"):
        metric.compute()
