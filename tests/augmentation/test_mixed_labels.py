"""Losses of mixed labels, by hand."""

from __future__ import annotations

import copy
import io

import pytest
import timm.loss
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from camaug.augmentation.mixed_labels import MixedLabels

OWN, OTHER = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([1, 1, 0, 2, 3, 2])
OWN_WEIGHT, OTHER_WEIGHT = torch.tensor([0.2, 1.0, 0.5, 0.9, 0.0, 0.7]), torch.tensor([0.6, 0.0, 0.5, 0.4, 0.1, 0.9])
CLASS_WEIGHTS = torch.tensor([1.0, 2.0, 0.5, 3.0])


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.fixture
def labels() -> MixedLabels:
    return MixedLabels.mix(OWN.clone(), OTHER.clone(), OWN_WEIGHT, OTHER_WEIGHT)


def losses(logits: Tensor, **settings) -> Tensor:
    """Return the weighted sum of both labels' losses for each image, image by image."""
    values = []
    for n in range(len(OWN)):
        own, other = (F.cross_entropy(logits[n, None], label[n, None], **settings) for label in (OWN, OTHER))
        values.append(OWN_WEIGHT[n] * own + OTHER_WEIGHT[n] * other)
    return torch.stack(values)


LOSSES = {
    "cross entropy": F.cross_entropy,
    "module": nn.CrossEntropyLoss(),
    "of log-probabilities": lambda x, y: F.nll_loss(x.log_softmax(1), y),
    "without reduction": lambda x, y: F.cross_entropy(x, y, reduction="none").mean(),
    "sum": lambda x, y: nn.CrossEntropyLoss(reduction="sum")(x, y) / len(x),
    "reshaped": lambda x, y: F.cross_entropy(x.view(-1, 4), y.unsqueeze(1).long().to("cpu").view(-1)),
    "gathered by hand": lambda x, y: -x.log_softmax(1).gather(1, y[:, None]).mean(),
    "indexed by hand": lambda x, y: -x.log_softmax(1)[torch.arange(len(x)), y].mean(),
    "one-hot rows": lambda x, y: -(F.one_hot(y, 4) * x.log_softmax(1)).sum(1).mean(),
    "float one-hot rows": lambda x, y: F.cross_entropy(x, F.one_hot(y, 4).float()),
    "kl_div": lambda x, y: F.kl_div(x.log_softmax(1), F.one_hot(y, 4).float(), reduction="batchmean"),
    "timm": timm.loss.LabelSmoothingCrossEntropy(0.0),
    "timm's of soft labels": lambda x, y: timm.loss.SoftTargetCrossEntropy()(x, F.one_hot(y, 4).float()),
    "accumulated": lambda x, y: sum(F.cross_entropy(*pair) for pair in zip(x.split(2), y.split(2), strict=True)) / 3,
    "selected": lambda x, y: F.cross_entropy(x[torch.tensor([5, 1, 0, 2, 3, 4])], y[torch.tensor([5, 1, 0, 2, 3, 4])]),
    "masked": lambda x, y: F.cross_entropy(x[y >= 0], y[y >= 0]),
    "weighted by a mask": lambda x, y: (F.cross_entropy(x, y, reduction="none") * (y >= 0)).mean(),
    "joined": lambda x, y: F.cross_entropy(torch.cat([x, x]), torch.cat([y, y])),
    "copied": lambda x, y: F.cross_entropy(x, copy.deepcopy(y)),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_is_the_weighted_sum(loss, logits, labels):
    value = loss(logits, labels)
    assert type(value) is Tensor
    expected = losses(logits).mean()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(*(torch.autograd.grad(each, logits)[0] for each in (value, expected)))
    assert labels.label_mix.use.is_used


def test_label_smoothing(logits, labels):
    value = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, labels)
    torch.testing.assert_close(value, losses(logits, label_smoothing=0.1).mean())


def test_class_weights_divide_each_sum_by_their_own(logits, labels):
    value = F.cross_entropy(logits, labels, weight=CLASS_WEIGHTS)
    own, other = (F.cross_entropy(logits, each, weight=CLASS_WEIGHTS, reduction="none") for each in (OWN, OTHER))
    expected = (OWN_WEIGHT * own).sum() / CLASS_WEIGHTS[OWN].sum()
    expected += (OTHER_WEIGHT * other).sum() / CLASS_WEIGHTS[OTHER].sum()
    torch.testing.assert_close(value, expected)


def test_weights_of_one_label_are_the_usual_loss(logits):
    labels = torch.tensor([0, 1, -100, 3, 0, 1])
    same = MixedLabels.mix(labels, OTHER, torch.ones(6), torch.zeros(6))
    for weight in (None, CLASS_WEIGHTS):
        expected = F.cross_entropy(logits, labels, weight=weight)
        torch.testing.assert_close(F.cross_entropy(logits, same, weight=weight), expected)


def test_truth_values_of_one_logit():
    logits, own = torch.randn(3, requires_grad=True), torch.tensor([0.0, 1.0, 1.0])
    labels = MixedLabels.mix(own, 1 - own, OWN_WEIGHT[:3], OTHER_WEIGHT[:3])
    loss = nn.BCEWithLogitsLoss(reduction="none")
    expected = (OWN_WEIGHT[:3] * loss(logits, own) + OTHER_WEIGHT[:3] * loss(logits, 1 - own)).mean()
    torch.testing.assert_close(nn.BCEWithLogitsLoss()(logits[:, None], labels[:, None]), expected)
    torch.testing.assert_close(nn.BCEWithLogitsLoss()(logits, labels.float().squeeze()), expected)


def test_metrics_see_the_first_labels(logits, labels):
    accuracy = MulticlassAccuracy(4, average="micro")
    assert accuracy(logits, labels) == accuracy(logits, OWN)
    assert type(logits.argmax(1) == labels) is Tensor
    assert labels.tolist() == OWN.tolist()
    assert int(labels[3]) == 3
    assert labels.max() == 3
    assert not labels.label_mix.use.is_used


def test_changes_in_place_change_both(labels):
    labels[labels == 3] = 0
    assert labels.own_labels.tolist() == [0, 1, 2, 0, 0, 1]
    assert labels.other_labels[3] == 0


def test_they_can_be_saved(labels):
    file = io.BytesIO()
    torch.save(labels.own_labels, file)
    file.seek(0)
    assert torch.equal(torch.load(file), OWN)
