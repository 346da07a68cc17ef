"""The fast way is taken while it gives the plain way's maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from camaug import Explanation, GroupCAM
from camaug.explainers.fast_path import FastPath, agreement
from camaug.fast_forward.forward import FastForward


@dataclass(frozen=True)
class Scripted(GroupCAM):
    """Explains by a ramp; the fast way, by the ramps that it is given one after the other."""

    fast_maps: list[torch.Tensor] = field(default_factory=list)
    asked: list[tuple[str, float, int]] = field(default_factory=list, compare=False)

    def __call__(self, model, images, targets=None, *, forward=None):
        fast = isinstance(forward, FastForward)
        self.asked.append(("fast" if fast else "plain", self.query_scale, len(images)))
        ramp = self.fast_maps.pop(0) if fast and self.fast_maps else RAMP
        return Explanation(ramp.expand(len(images), -1, -1), torch.zeros(len(images), 5), targets)


RAMP = torch.linspace(0, 1, 16).view(1, 4, 4)
IMAGES, TARGETS = torch.rand(10, 3, 16, 16), torch.arange(10) % 5


def test_agreement_by_hand():
    """Of eight places above the mean, seven are shared; ranks are the same but for one swap of neighbours."""
    swapped = RAMP.flatten().clone()
    swapped[[7, 8]] = swapped[[8, 7]]
    found = agreement(RAMP, swapped.view(1, 4, 4))
    assert found.iou == pytest.approx(7 / 9)
    assert found.correlation == pytest.approx(1 - 6 * 2 / (16 * (16**2 - 1)))
    assert not found.is_enough
    assert agreement(RAMP, RAMP**2).correlation == 1


def test_taken_where_the_maps_agree(net):
    said = []
    explaining = FastPath(Scripted(), net, notify=said.append)
    explaining(IMAGES, TARGETS)
    assert explaining.is_fast
    assert explaining.is_settled
    assert [what for what, _, _ in explaining._asked.asked] == ["plain", "fast", "fast"]
    assert [count for _, _, count in explaining._asked.asked] == [8, 8, 10]
    explaining(IMAGES, TARGETS)
    assert len(explaining._asked.asked) == 4  # compared once
    assert len(said) == 1
    assert "the fast way is taken" in said[0]
    assert "rank correlation 1.000, mask IoU 1.000" in said[0]


def test_smaller_queries_are_given_up_first(net):
    said = []
    explainer = Scripted(query_scale=0.5, fast_maps=[1 - RAMP])
    explaining = FastPath(explainer, net, notify=said.append)
    explaining(IMAGES, TARGETS)
    assert [each[:2] for each in explainer.asked] == [("plain", 1.0), ("fast", 0.5), ("fast", 1.0), ("fast", 1.0)]
    assert "queries of 0.5 times the size: rank correlation -1.000" in said[0]


def test_plain_where_they_do_not_and_tried_again(net):
    """At the first, the second and the fourth explanation; then it agrees."""
    said = []
    explainer = Scripted(fast_maps=[1 - RAMP, 1 - RAMP])
    explaining = FastPath(explainer, net, notify=said.append)
    ways = []
    for _ in range(5):
        explaining(IMAGES, TARGETS)
        ways.append(explainer.asked[-1][0])
    assert ways == ["plain", "plain", "plain", "fast", "fast"]
    assert [sentence.split(",")[0] for sentence in said] == [
        "the plain way is taken",
        "the plain way is taken",
        "the fast way is taken; against the plain maps",
    ]


def test_switched_off(net, images):
    explainer = Scripted()
    explaining = FastPath(explainer, net, enabled=False)
    explaining(images, TARGETS[:4])
    assert explainer.asked == [("plain", 1.0, 4)]
    assert not explaining.is_fast


def test_a_resumed_run_decides_no_differently(net):
    """What was given up stays given up, and the next try comes when it would have come."""
    first = FastPath(Scripted(fast_maps=[1 - RAMP, 1 - RAMP]), net)
    for _ in range(3):
        first(IMAGES, TARGETS)
    explainer = Scripted()
    resumed = FastPath(explainer, net)
    resumed.load_state_dict(first.state_dict())
    assert not resumed.is_fast
    resumed(IMAGES, TARGETS)
    assert [what for what, _, _ in explainer.asked] == ["plain", "fast", "fast"]  # the fourth: compared, and taken
    again = FastPath(Scripted(), net)
    again.load_state_dict(resumed.state_dict())
    again(IMAGES, TARGETS)
    assert again._asked.asked == [("fast", 1.0, 10)]


def test_smaller_queries_that_the_model_refuses(images):
    """A model of one input size: the smaller queries fail, and the run goes on at full size."""

    class Sized(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.head = torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.Linear(6 * 16 * 16, 5)

        def forward(self, batch):
            return self.head(self.features(batch).relu().flatten(1))

    said = []
    explaining = FastPath(GroupCAM(groups=3, query_scale=0.5), Sized().eval(), notify=said.append)
    assert explaining(images, TARGETS[:4]).maps.isfinite().all()
    assert "queries of 0.5 times the size failed (RuntimeError" in said[0]


def test_the_cost_of_what_is_chosen_can_be_asked_without_deciding(monkeypatch):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    path = FastPath(GroupCAM(groups=2, layer="0", blur_kernel_size=5), model)
    images = torch.rand(2, 3, 12, 12)
    monkeypatch.setattr(path, "_settle", lambda *_: pytest.fail("it was compared"))
    path(images, deciding=False)
    assert not path.is_settled
    monkeypatch.setattr(path, "_settle", lambda *_: setattr(path, "_is_settled", True))
    path(images)
    assert path.is_settled


class Asking(GroupCAM):
    """Asks once, and explains by a ramp."""

    def __call__(self, model, images, targets=None, *, forward=None):
        (forward or model)(images)
        return Explanation(RAMP.expand(len(images), -1, -1), torch.zeros(len(images), 5), targets)


class Fresh(nn.Module):
    """A network whose logits in low precision are, at first, nothing like those in full."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(8, 5)
        self.is_fresh = True

    def forward(self, images):
        if self.is_fresh and torch.is_autocast_enabled("cpu"):
            return self.head(self.body(images).mean((2, 3)).float()) + 1
        return self.head(self.body(images).mean((2, 3)))


def test_a_fast_forward_that_does_less_is_tried_again(monkeypatch):
    monkeypatch.setattr("camaug.fast_forward.forward.low_precision", lambda device: torch.bfloat16)
    torch.manual_seed(0)
    said = []
    model = Fresh().eval()
    explaining = FastPath(Asking(), model, notify=said.append)
    explaining(IMAGES, TARGETS)
    assert explaining.is_fast
    assert not explaining.is_settled
    assert "does not serve Fresh" in said[0]
    assert "tried again later" in said[0]
    model.is_fresh = False
    explaining(IMAGES, TARGETS)
    assert explaining.is_settled
    assert explaining._fast.description == "bfloat16, channels-last"


def test_a_resumed_run_runs_the_same_forward(monkeypatch):
    monkeypatch.setattr("camaug.fast_forward.forward.low_precision", lambda device: torch.bfloat16)
    torch.manual_seed(0)
    model = Fresh().eval()
    first = FastPath(Asking(), model)
    first(IMAGES, TARGETS)
    model.is_fresh = False  # a forward that were tried now would be another one
    resumed = FastPath(Asking(), model)
    resumed.load_state_dict(first.state_dict())
    resumed(IMAGES, TARGETS, deciding=False)
    assert resumed._fast.description == first._fast.description == "nothing changed"
    assert resumed.state_dict() == first.state_dict()
