"""Models whose values do not fit in float16 are explained in float32."""

from __future__ import annotations

import pytest
import torch

from camaug import get_explainer, list_explainers
from camaug.explainers import float16_fallback
from camaug.explainers.fast_path import FastPath
from camaug.explainers.float16_fallback import SENTENCE, Float16Fallback
from camaug.fast_forward import plan as plan_module
from tests.fast_forward.models import with_trained_norms
from tests.small_explainers import SETTINGS
from tests.toys import TinyNet

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
TARGETS = torch.arange(4)


def trained_net() -> TinyNet:
    torch.manual_seed(0)
    return with_trained_norms(TinyNet())


@torch.no_grad()
def grow(model: TinyNet) -> None:
    """Make the logits larger than float16 holds, which changes no normalised map of gradients."""
    model.head.weight.mul_(1e5)


@torch.no_grad()
def grow_last_class(model: TinyNet) -> None:
    """Make the last logit lower than float16 holds, which changes no other class's probability by much."""
    model.head.bias[4] = -1e5


def float16() -> torch.autocast:
    return torch.autocast("cpu", torch.float16)


@pytest.mark.parametrize("name", [name for name in list_explainers() if name != "legrad"])
def test_only_the_forward_passes_of_an_explainer_run_in_float16(name):
    """Large feature maps fit in float16. Their weighted sums and gradients do not, and are computed in float32."""
    model, explainer = trained_net(), get_explainer(name, **SETTINGS.get(name, {}))
    with torch.no_grad():
        model.body[1].weight.mul_(1e3)
        model.body[1].bias.mul_(1e3)
        model.head.weight.div_(1e3)
    expected = explainer(model, IMAGES, TARGETS).maps
    with float16():
        maps = explainer(model, IMAGES, TARGETS).maps
    assert maps.isfinite().all()
    assert torch.equal(maps.amax(dim=(1, 2)) > 0, expected.amax(dim=(1, 2)) > 0)


@pytest.mark.parametrize("name", ["grad-cam", "shapley-cam", "full-grad", "gradient"])
def test_gradients_are_those_of_float32(name):
    model, explainer = trained_net(), get_explainer(name, **SETTINGS.get(name, {}))
    expected = explainer(model, IMAGES, TARGETS).maps
    with float16():
        maps = explainer(model, IMAGES, TARGETS).maps
    torch.testing.assert_close(maps, expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(("name", "grow"), [("grad-cam", grow), ("group-cam", grow_last_class)])
@pytest.mark.parametrize("changes_nothing_else", [True, False])
def test_weights_that_grow_in_a_training_run(name, grow, enabled, changes_nothing_else, monkeypatch):
    monkeypatch.setattr(plan_module, "low_precision", lambda device: torch.float16)  # as on a T4
    if changes_nothing_else:  # a fast forward whose only change is the precision
        monkeypatch.setattr(plan_module, "find_foldable_pairs", lambda *_: [])
        monkeypatch.setattr(plan_module, "_fault", _refuse_channels_last)
    model, sentences = trained_net(), []
    explainer = get_explainer(name, **SETTINGS.get(name, {}))
    explaining = FastPath(explainer, model, enabled=enabled, notify=sentences.append)
    with float16():
        explaining(IMAGES, TARGETS)
    assert not any("cannot hold" in sentence for sentence in sentences)
    grow(model)
    expected = explainer(model, IMAGES, TARGETS).maps
    assert expected.amax() == 1
    for _ in range(3):
        with float16():
            explanation = explaining(IMAGES, TARGETS)
        assert explanation.logits.isfinite().all()
        torch.testing.assert_close(explanation.maps, expected, rtol=0, atol=0.02)
    assert len([sentence for sentence in sentences if "float16 cannot hold this model's values" in sentence]) == 1


def _refuse_channels_last(plan, *rest, fault=plan_module._fault) -> str:
    return "it is refused" if plan.channels_last else fault(plan, *rest)


def test_a_model_that_never_fitted(monkeypatch):
    monkeypatch.setattr(plan_module, "low_precision", lambda device: torch.float16)  # as on a T4
    model, sentences = trained_net(), []
    grow(model)
    explainer = get_explainer("grad-cam")
    expected = explainer(model, IMAGES, TARGETS).maps
    explaining = FastPath(explainer, model, notify=sentences.append)
    with float16():
        for _ in range(5):  # with comparisons of both forwards in the 1st, 2nd and 4th call
            torch.testing.assert_close(explaining(IMAGES, TARGETS).maps, expected, rtol=0, atol=0.02)
    assert sentences.count(SENTENCE) == 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_another_precision_is_kept(precision):
    model, sentences = trained_net(), []
    model.head.bias.data.fill_(torch.nan)
    fallback, explainer = Float16Fallback(sentences.append), get_explainer("grad-cam")
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        fallback.run(lambda: explainer(model, IMAGES, TARGETS), IMAGES)
        assert torch.is_autocast_enabled("cpu") == (precision == "bfloat16")
    assert not sentences


def test_on_an_accelerator_float16_is_left_in_a_later_call(monkeypatch):
    class Watch:
        """Watch of an accelerator that knows the result of a check in the next call."""

        has_result = False

        def __init__(self, *, waits: bool) -> None:
            assert not waits

        def finds(self, logits, images) -> bool:
            Watch.has_result = bool(logits.isfinite().logical_not().any())
            return False

        def found(self) -> bool:
            return Watch.has_result

    monkeypatch.setattr(float16_fallback, "OverflowWatch", Watch)
    model, sentences = trained_net(), []
    grow(model)
    explainer, fallback = get_explainer("grad-cam"), Float16Fallback(sentences.append)
    with float16():
        first = fallback.run(lambda: explainer(model, IMAGES, TARGETS), IMAGES)
        assert not sentences
        second = fallback.run(lambda: explainer(model, IMAGES, TARGETS), IMAGES)
    assert not first.logits.isfinite().any()
    assert second.logits.isfinite().all()
    assert sentences == [SENTENCE]
