"""The fast forward is used while it gives the plain forward's maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from camaug import Explanation, GroupCAM
from camaug.explainers.fast_path import FastPath
from camaug.fast_forward.forward import FastForward

RAMP = torch.linspace(0, 1, 16).view(1, 4, 4)
IMAGES, TARGETS = torch.rand(10, 3, 16, 16), torch.arange(10) % 5


@dataclass(frozen=True)
class Scripted(GroupCAM):
    """An explainer whose map is a ramp, or with the fast forward the next of the given maps."""

    fast_maps: list[torch.Tensor] = field(default_factory=list)
    calls: list[tuple[str, float, int]] = field(default_factory=list, compare=False)

    def __call__(self, model, images, targets=None, *, forward=None):
        fast = isinstance(forward, FastForward)
        (forward or model)(images)
        self.calls.append(("fast" if fast else "plain", self.query_scale, len(images)))
        maps = self.fast_maps.pop(0) if fast and self.fast_maps else RAMP
        return Explanation(maps.expand(len(images), -1, -1), torch.zeros(len(images), 5), targets)


@pytest.fixture
def in_bfloat16(monkeypatch):
    monkeypatch.setattr("camaug.fast_forward.plan.low_precision", lambda device: torch.bfloat16)


@pytest.mark.usefixtures("in_bfloat16")
def test_the_fast_forward_is_used_where_the_maps_agree(net):
    messages, explainer = [], Scripted()
    explaining = FastPath(explainer, net, notify=messages.append)
    explaining(IMAGES, TARGETS)
    assert explaining.is_fast
    assert explaining.is_settled
    assert explainer.calls == [("plain", 1.0, 8), ("fast", 1.0, 8), ("fast", 1.0, 10)]
    explaining(IMAGES, TARGETS)
    assert len(explainer.calls) == 4  # compared once
    assert messages == [
        "explaining with bfloat16, channels-last, 2 batch-norms folded "
        "(maps agree with the plain forward: rank correlation 1.000, mask IoU 1.000)"
    ]


def test_smaller_queries_are_given_up_first(net):
    messages = []
    explainer = Scripted(query_scale=0.5, fast_maps=[1 - RAMP])
    explaining = FastPath(explainer, net, notify=messages.append)
    explaining(IMAGES, TARGETS)
    assert [call[:2] for call in explainer.calls] == [("plain", 1.0), ("fast", 0.5), ("fast", 1.0), ("fast", 1.0)]
    assert len(messages) == 1
    assert messages[0].endswith(
        "rank correlation 1.000, mask IoU 1.000); "
        "queries at 0.5 of the image size change the maps (rank correlation -1.000, mask IoU 0.000)"
    )


def test_smaller_queries_are_used_where_the_maps_agree(net):
    messages = []
    FastPath(Scripted(query_scale=0.5), net, notify=messages.append)(IMAGES, TARGETS)
    assert len(messages) == 1
    assert "queries at 0.5 of the image size (maps agree with the plain forward: rank" in messages[0]


def test_the_plain_forward_is_used_where_the_maps_differ_and_the_comparison_is_repeated(net):
    """The maps differ at the first, second and fourth call and then agree. Each choice is reported once."""
    messages = []
    explainer = Scripted(fast_maps=[1 - RAMP, 1 - RAMP])
    explaining = FastPath(explainer, net, notify=messages.append)
    forwards = []
    for _ in range(5):
        explaining(IMAGES, TARGETS)
        forwards.append(explainer.calls[-1][0])
    assert forwards == ["plain", "plain", "plain", "fast", "fast"]
    assert len(messages) == 2
    assert messages[0].startswith("explaining with the plain forward, because ")
    assert "changes the maps (rank correlation -1.000, mask IoU 0.000; at least 0.98 and 0.9 are needed)" in messages[0]
    assert messages[0].endswith("will be tried again")
    assert "maps agree with the plain forward" in messages[1]


def test_nothing_is_compared_where_the_fast_path_is_disabled(net, images):
    explainer = Scripted()
    explaining = FastPath(explainer, net, enabled=False)
    explaining(images, TARGETS[:4])
    assert explainer.calls == [("plain", 1.0, 4)]
    assert not explaining.is_fast


def test_a_resumed_run_continues_with_the_choice(net):
    """The rejected forward stays rejected, and the next comparison comes when it would have come."""
    first = FastPath(Scripted(fast_maps=[1 - RAMP, 1 - RAMP]), net)
    for _ in range(3):
        first(IMAGES, TARGETS)
    explainer = Scripted()
    resumed = FastPath(explainer, net)
    resumed.load_state_dict(first.state_dict())
    assert not resumed.is_fast
    resumed(IMAGES, TARGETS)
    assert [call[0] for call in explainer.calls] == ["plain", "fast", "fast"]  # the fourth call: compared, and chosen
    explainer = Scripted()
    again = FastPath(explainer, net)
    again.load_state_dict(resumed.state_dict())
    again(IMAGES, TARGETS)
    assert explainer.calls == [("fast", 1.0, 10)]


def test_smaller_queries_that_the_model_refuses_are_given_up(images):
    """A model of one input size."""

    class Sized(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6 * 16 * 16, 5)

        def forward(self, batch):
            return self.head(self.features(batch).relu().flatten(1))

    messages = []
    explaining = FastPath(GroupCAM(groups=3, query_scale=0.5), Sized().eval(), notify=messages.append)
    assert explaining(images, TARGETS[:4]).maps.isfinite().all()
    assert "queries at 0.5 of the image size fail (RuntimeError" in messages[0]


def test_a_call_can_skip_the_comparison(monkeypatch):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    path = FastPath(GroupCAM(groups=2, layer="0", blur_kernel_size=5), model)
    images = torch.rand(2, 3, 12, 12)
    monkeypatch.setattr(path, "_decide", lambda *_: pytest.fail("it was compared"))
    path(images, deciding=False)
    assert not path.is_settled
    monkeypatch.setattr(path, "_decide", lambda *_: setattr(path, "_is_settled", True))
    path(images)
    assert path.is_settled


class Untrained(nn.Module):
    """A network whose logits in low precision are, at first, nothing like those in full precision."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(8, 5)
        self.is_untrained = True

    def forward(self, images):
        if self.is_untrained and torch.is_autocast_enabled("cpu"):
            return self.head(self.body(images).mean((2, 3)).float()) + 1
        return self.head(self.body(images).mean((2, 3)))


@pytest.mark.usefixtures("in_bfloat16")
def test_a_fast_forward_that_does_not_work_yet_is_tried_again_and_reported_once():
    messages = []
    model = Untrained().eval()
    explaining = FastPath(Scripted(), model, notify=messages.append)
    for _ in range(3):
        explaining(IMAGES, TARGETS)
    assert explaining.is_fast
    assert not explaining.is_settled
    assert len(messages) == 1
    assert messages[0].startswith("the model (Untrained) runs unchanged, because with bfloat16")
    model.is_untrained = False
    explaining(IMAGES, TARGETS)
    assert explaining.is_settled
    assert messages[1].startswith("explaining with bfloat16, channels-last (maps agree with the plain forward: rank")
    assert len(messages) == 2


@pytest.mark.usefixtures("in_bfloat16")
def test_a_resumed_run_uses_the_same_forward():
    model = Untrained().eval()
    first = FastPath(Scripted(), model)
    first(IMAGES, TARGETS)
    model.is_untrained = False  # trying again now would choose another forward
    resumed = FastPath(Scripted(), model)
    resumed.load_state_dict(first.state_dict())
    resumed(IMAGES, TARGETS, deciding=False)
    assert resumed._fast.description == first._fast.description == "nothing changed"
    assert resumed.state_dict() == first.state_dict()


def test_nothing_is_reported_where_there_is_nothing_faster(monkeypatch):
    """A model in double precision without batch-norms in inference: the fast forward has nothing to change."""
    messages = []
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5)).eval()
    explaining = FastPath(Scripted(), model, notify=messages.append)
    monkeypatch.setattr(type(explaining._fast), "is_plain", property(lambda _: True))
    explaining(IMAGES, TARGETS)
    assert messages == []
