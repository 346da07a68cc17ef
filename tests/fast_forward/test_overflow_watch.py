from __future__ import annotations

import pytest
import torch

from camaug import FastForward, GroupCAM
from camaug.fast_forward import overflow_watch, plan
from camaug.fast_forward.overflow_watch import OverflowWatch
from camaug.inspection.neutral import neutral
from camaug.inspection.poisoned import poisoned
from tests.fast_forward.models import with_trained_norms
from tests.toys import TinyNet


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0, 2.0], False), ([1.0, torch.inf], True), ([torch.nan, 0.0], True), ([], False)]
)
def test_on_a_cpu_at_once(values, expected):
    watch = OverflowWatch()
    assert watch.finds(torch.tensor(values), torch.ones(2)) == expected
    assert not watch.finds(torch.tensor(values), torch.tensor([torch.nan]))
    assert not watch.found()


class Event:
    """Event of a device that has computed nothing until it is told to."""

    is_done = False

    def __init__(self, device: object) -> None:
        """Accept what ``torch.Event`` does."""

    def record(self) -> None:
        """Record nothing."""

    def query(self) -> bool:
        return Event.is_done


class Elsewhere(torch.Tensor):
    """Tensor that claims to be on an accelerator."""

    @property
    def device(self):
        return torch.device("cuda")


def test_on_an_accelerator_when_it_is_known(monkeypatch):
    monkeypatch.setattr(overflow_watch.torch, "Event", Event)
    empty = torch.empty
    monkeypatch.setattr(overflow_watch.torch, "empty", lambda *shape, pin_memory, **rest: empty(*shape, **rest))
    watch = OverflowWatch()
    assert not watch.finds(torch.tensor([torch.inf]).as_subclass(Elsewhere), torch.ones(1))
    assert not watch.found()  # the device has not come to it
    Event.is_done = True
    assert watch.found()
    assert not watch.found()


def test_weights_that_grow_beyond_float16_are_explained_in_float32_with_one_sentence():
    torch.manual_seed(0)
    model, images = with_trained_norms(TinyNet()), torch.rand(4, 3, 16, 16)
    sentences: list[str] = []
    forward = FastForward(model, dtype=torch.float16, notify=sentences.append)
    explainer = GroupCAM(groups=4)
    explainer(model, images, forward=forward)
    assert "float16" in forward.description
    assert not sentences
    with torch.no_grad():
        model.head.weight.mul_(1e6)
    expected = explainer(model, images)
    for _ in range(2):
        explanation = explainer(model, images, forward=forward)
        assert explanation.logits.isfinite().all()
        torch.testing.assert_close(explanation.maps, expected.maps, rtol=0, atol=2e-2)
    assert sentences == ["float16 cannot hold this model's values any longer, so the fast forward runs in float32"]
    assert "float16" not in forward.description


def test_a_plan_of_nothing_but_float16_leaves_the_autocast_of_the_caller(monkeypatch):
    monkeypatch.setattr(plan, "find_foldable_pairs", lambda *_: [])
    monkeypatch.setattr(plan, "_fault", lambda tried, *_: "it is refused" if tried.channels_last else "")
    model, images = with_trained_norms(TinyNet()), torch.rand(2, 3, 16, 16)
    forward = FastForward(model, notify=lambda sentence: None)
    with torch.no_grad(), torch.autocast("cpu", torch.float16):
        forward(images)
        assert forward.description == "float16"
        model.head.weight.mul_(1e6)
        logits = forward(images)
        assert forward.description == "float32"
    with torch.no_grad():
        torch.testing.assert_close(logits, model(images))


def test_a_watch_that_waits_finds_them_at_once_on_an_accelerator():
    assert OverflowWatch(waits=True).finds(torch.tensor([torch.inf]).as_subclass(Elsewhere), torch.ones(1))


def test_a_model_that_is_broken_in_float32_too_is_computed_once_more_and_no_more():
    model, images = with_trained_norms(TinyNet()), torch.rand(2, 3, 16, 16)
    sentences: list[str] = []
    forward = FastForward(model, dtype=torch.float16, notify=sentences.append)
    with neutral(model):
        forward(images)
        model.head.bias.fill_(torch.nan)
        assert forward(images).isnan().any()
        assert forward(images).isnan().any()
    assert len(sentences) == 1


def test_the_search_for_the_target_layer_is_no_overflow():
    model, images = with_trained_norms(TinyNet()), torch.rand(2, 3, 16, 16)
    forward = FastForward(model, dtype=torch.float16)
    with neutral(model):
        forward(images)
        model.head.bias.fill_(torch.nan)
        with poisoned():
            assert forward(images).isnan().all()
    assert "float16" in forward.description
