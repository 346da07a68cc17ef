"""SnapMix against its formulas, image by image."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from camaug import GradCAM, GroupCamTransform
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipes.snapmix import SnapMix

LABELS = torch.tensor([0, 3, 2, 4])
SNAPMIX = SnapMix(probability=1.0)


@pytest.fixture
def transform(net):
    return GroupCamTransform(net, recipe=SNAPMIX, fast=False)


def test_by_hand(transform, net, images):
    """The paper's formulas with a loop, and a cut-out and resized box."""
    torch.manual_seed(3)
    params = transform.make_params([images, LABELS])
    torch.manual_seed(3)
    new, labels = transform(images, LABELS)
    maps = GradCAM(relu=False)(net, images, LABELS).maps
    target, source = params["regions"].boxes[0].tolist()
    assert params["regions"].boxes[:, 0].unique(dim=0).tolist() == [target]
    assert target != source
    top, left, height, width = target
    other_top, other_left, other_height, other_width = source
    logits = torch.randn(4, 5, requires_grad=True)
    loss = 0.0
    for n in range(4):
        partner = (n - 1) % 4
        cut = images[partner, None, :, other_top : other_top + other_height, other_left : other_left + other_width]
        expected = images[n].clone()
        expected[:, top : top + height, left : left + width] = F.interpolate(cut, (height, width), mode="bilinear")[0]
        torch.testing.assert_close(new[n], expected)
        own = 1 - maps[n, top : top + height, left : left + width].sum() / maps[n].sum()
        shown = maps[partner, other_top : other_top + other_height, other_left : other_left + other_width]
        other = shown.sum() / maps[partner].sum()
        loss += own * F.cross_entropy(logits[n, None], LABELS[n, None]) / 4
        loss += other * F.cross_entropy(logits[n, None], LABELS[partner, None]) / 4
    assert isinstance(labels, MixedLabels)
    torch.testing.assert_close(nn.CrossEntropyLoss()(logits, labels), loss)


def test_its_map_is_cam_without_relu(net, images):
    explanation = SNAPMIX.explainer()(net, images, LABELS)
    with torch.no_grad():
        features = net.body(net.stem(images))
    cam = torch.einsum("nk,nkuv->nuv", net.head.weight.detach()[LABELS], features)
    cam = F.interpolate(cam[:, None], (16, 16), mode="bilinear")[:, 0]
    cam = cam - cam.amin((1, 2), keepdim=True)
    torch.testing.assert_close(explanation.maps, cam / cam.amax((1, 2), keepdim=True), rtol=1e-4, atol=1e-5)


def test_boxes_are_the_beta_distributions():
    torch.manual_seed(0)
    maps = torch.rand(2, 100, 100)
    areas = [SNAPMIX.regions(maps).boxes[0, 0, 2:].prod() / 1e4 for _ in range(400)]
    assert 0.3 < torch.stack(areas).mean() < 0.5  # half of the image, less what the border cuts off
    assert torch.stack(areas).std() > 0.1


def test_the_probability_is_of_a_batch(net, images):
    transform = GroupCamTransform(net, recipe=SnapMix(probability=0.5), fast=False)
    torch.manual_seed(0)
    changed = [(transform(images, LABELS)[0] != images).flatten(1).any(1).tolist() for _ in range(30)]
    assert all(len(set(batch)) == 1 for batch in changed)
    assert 5 < sum(batch[0] for batch in changed) < 25


def test_images_without_evidence_are_neither_pasted_nor_pasted_into():
    maps = torch.rand(4, 16, 16)
    maps[1] = 0
    torch.manual_seed(0)
    boxes = SNAPMIX.regions(maps).boxes
    assert (boxes[1:3] == 0).all()
    assert (boxes[[0, 3], :, 2:] > 0).all()


def test_a_share_of_the_batch_leaves_the_others_alone(net, images):
    transform = GroupCamTransform(net, recipe=SNAPMIX, share=0.5, fast=False)
    torch.manual_seed(2)
    index = transform.make_params([images, LABELS])["index"].tolist()
    torch.manual_seed(2)
    new, labels = transform(images, LABELS)
    others = [n for n in range(4) if n not in index]
    assert len(others) == 2
    assert torch.equal(new[others], images[others])
    assert torch.equal(labels.label_mix.own[others], torch.ones(2))
    assert torch.equal(labels.label_mix.other[others], torch.zeros(2))


def test_mixed_labels_are_not_mixed_again(transform, images):
    batch = transform(images, LABELS)
    with pytest.raises(ValueError, match="the labels of this batch are mixed already"):
        transform(*batch)


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"probability": 1.5}])
def test_impossible_settings(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SnapMix(**settings)
