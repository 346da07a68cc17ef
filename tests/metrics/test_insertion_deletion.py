from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.functional.masks import gaussian_blur
from camaug.metrics import InsertionDeletion, area_under, score_curves

TARGETS = torch.tensor([1, 3])


class MeanNet(nn.Module):
    """Logits (log of the pixels' mean, log of 1 - mean): the first class's probability is the mean."""

    def forward(self, images):
        mean = images.mean(dim=(1, 2, 3)).clamp(1e-6, 1 - 1e-6)
        return torch.stack([mean.log(), (1 - mean).log()], dim=1)


def test_curves_from_black_to_white():
    """The score is the share of pixels shown."""
    images = torch.ones(2, 1, 4, 4)
    curves = score_curves(
        MeanNet(), images, torch.rand(2, 4, 4), torch.tensor([0, 1]), start=0 * images, finish=images, step=0.25
    )
    torch.testing.assert_close(curves[0], torch.linspace(0, 1, 5), rtol=0, atol=1e-4)
    torch.testing.assert_close(curves[1], torch.linspace(1, 0, 5), rtol=0, atol=1e-4)
    assert area_under(torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(("step", "points"), [(0.01, 257 // 3 + 1), (100, 4), (448, 2), (0.5, 3)])
def test_number_of_steps(step, points):
    images = torch.rand(1, 1, 16, 16)
    curves = score_curves(MeanNet(), images, images[:, 0], TARGETS[:1] * 0, start=0 * images, finish=images, step=step)
    assert curves.shape == (1, points + (256 % 3 > 0 if step == 0.01 else 0))
    assert curves[0, 0].item() == pytest.approx(0, abs=1e-4)
    assert curves[0, -1].item() == pytest.approx(images.mean().item(), abs=1e-4)


def reference(net, image, saliency, target, *, start, finish, step):
    """Compute the curve by the published loop, one image and one step at a time."""
    order = saliency.flatten().argsort(descending=True)
    current, scores = start.clone(), []
    for done in range(0, len(order) + step, step):
        with torch.no_grad():
            scores.append(net(current[None]).softmax(dim=1)[0, target])
        chosen = order[done : done + step]
        current.flatten(1)[:, chosen] = finish.flatten(1)[:, chosen]
    scores = torch.stack(scores)
    return (scores.sum() - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1)


@pytest.mark.parametrize("preset", ["paper", "script"])
@pytest.mark.parametrize("chunk_size", [None, 7])
def test_curves_against_a_loop(net, images, preset, chunk_size):
    net, images = net.double(), images.double()
    maps = torch.rand(4, 16, 16).double()
    targets = torch.tensor([1, 3, 0, 2])
    metric = InsertionDeletion(preset, step=20, chunk_size=chunk_size)
    metric.update(net, images[:3], maps[:3], targets[:3])
    metric.update(net, images[3:], maps[3:], targets[3:])
    blurred = gaussian_blur(images)
    classes = net(images).argmax(dim=1) if preset == "script" else targets
    gone = torch.zeros_like(images) if preset == "script" else blurred
    inserted, deleted = [], []
    for n in range(4):
        one = {"step": 20}
        inserted.append(reference(net, images[n], maps[n], classes[n], start=blurred[n], finish=images[n], **one))
        deleted.append(reference(net, images[n], maps[n], classes[n], start=images[n], finish=gone[n], **one))
    values = metric.compute()
    assert values["insertion"].item() == pytest.approx(torch.stack(inserted).mean().item(), rel=1e-5)
    assert values["deletion"].item() == pytest.approx(torch.stack(deleted).mean().item(), rel=1e-5)
    torch.testing.assert_close(values["over_all"], values["insertion"] - values["deletion"])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("preset", ["paper", "script"])
def test_metric_against_torchcam(net, images, preset):
    """On the maps that it makes itself, in float64: 16 steps of 16 pixels."""
    metrics, methods = pytest.importorskip("torchcam.metrics"), pytest.importorskip("torchcam.methods")
    if not hasattr(metrics, "DeletionInsertionMetric"):
        pytest.skip("this version of torchcam has no insertion and deletion")
    net, images = net.double(), images.double()
    baseline = gaussian_blur if preset == "paper" else None
    with methods.LayerCAM(net, "body") as cam:
        theirs = metrics.DeletionInsertionMetric(cam, lambda logits: logits.softmax(dim=1), steps=16, baseline=baseline)
        theirs.update(images)
        (maps,) = cam(net(images).argmax(dim=1).tolist(), net(images.clone().requires_grad_()).softmax(dim=1))
    maps = nn.functional.interpolate(maps[:, None].double(), size=(16, 16), mode="bilinear")[:, 0]
    ours = InsertionDeletion(preset, step=16)
    ours.update(net, images, maps)
    expected, values = theirs.summary(), ours.compute()
    assert values["deletion"].item() == pytest.approx(expected["deletion_auc"], abs=2e-3)
    if preset == "paper":  # the script inserts into the blurred image whatever it deletes to
        assert values["insertion"].item() == pytest.approx(expected["insertion_auc"], abs=2e-3)


def test_presets_set_the_step():
    assert (InsertionDeletion().step, InsertionDeletion("script").step) == (0.01, 448)
    with pytest.raises(ValueError, match="`preset` must be 'paper' or 'script', got 'rise'"):
        InsertionDeletion("rise")
    with pytest.raises(ValueError, match="`step` must be a positive share or number of pixels, got 0"):
        InsertionDeletion(step=0)


def test_a_good_map_is_better_than_its_reverse():
    """The network depends on the left half alone."""

    def left(images):
        score = 4 * (images[..., :8].mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([score, -score], dim=1)

    images = torch.rand(3, 3, 16, 16) * 0.2
    images[..., :8] += 0.8
    maps = torch.zeros(3, 16, 16)
    maps[..., :8] = 1
    good, bad = (InsertionDeletion("script", step=8, forward=left) for _ in range(2))
    good.update(nn.Linear(1, 1), images, maps)
    bad.update(nn.Linear(1, 1), images, 1 - maps)
    assert good.compute()["over_all"] > bad.compute()["over_all"] + 0.2


def test_constant_maps_are_counted(net, images):
    metric = InsertionDeletion(step=0.1)
    metric.update(net, images, torch.zeros(4, 16, 16))
    assert metric.count == 4
    assert 0 < metric.compute()["insertion"] < 1


def test_the_model_is_unchanged(restless_net, unchanged):
    images, maps = torch.rand(2, 3, 16, 16), torch.rand(2, 16, 16)
    with unchanged(restless_net):
        InsertionDeletion(step=0.2).update(restless_net, images, maps)


def test_chunks_shrink_where_memory_is_short(net, images):
    def forward(batch):
        if len(batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return net(batch)

    metric = InsertionDeletion(step=0.1, forward=forward)
    metric.update(net, images, torch.rand(4, 16, 16), torch.tensor([1, 2, 3, 4]))
    assert 0 < metric.compute()["insertion"] < 1


def test_no_images_and_wrong_maps_are_refused(net, images):
    metric = InsertionDeletion()
    metric.update(net, images[:0], torch.rand(0, 16, 16))
    with pytest.raises(ValueError, match="InsertionDeletion has seen no images"):
        metric.compute()
    with pytest.raises(ValueError, match=r"got maps \(4, 8, 8\) and images \(4, 3, 16, 16\)"):
        InsertionDeletion().update(net, images, torch.rand(4, 8, 8))
