"""The fast forward gives nearly the plain forward's logits, and leaves the model unchanged."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import FastForward, GradCAM, GroupCAM, get_explainer
from camaug.inspection.neutral import neutral
from tests.fast_forward.models import MODELS, run_fast, with_trained_norms
from tests.toys import TinyNet


@pytest.mark.parametrize("name", MODELS)
def test_logits_in_float32_equal_the_plain_forwards(name):
    model = with_trained_norms(MODELS[name]())
    images = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        expected = model(images)
    logits, _ = run_fast(model, images)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_changed_weights_are_used():
    """Between two calls the model is trained, here through `.data`, which no version counter notices."""
    model = with_trained_norms(TinyNet())
    images = torch.rand(2, 3, 16, 16)
    _, forward = run_fast(model, images)
    with torch.no_grad():
        model.stem[0].weight.data.mul_(-1)
        model.body[1].running_mean.add_(0.3)
        model.head.bias.data.add_(1)
        torch.testing.assert_close(forward(images), model(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", ["body.0", "body.1", "body", "stem"])
def test_maps_at_every_layer(layer, net, images):
    with_trained_norms(net)
    for explainer in (GradCAM(layer=layer), GroupCAM(groups=4, layer=layer)):
        expected = explainer(net, images).maps
        maps = explainer(net, images, forward=FastForward(net, dtype=None)).maps
        torch.testing.assert_close(maps, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    "name", ["grad-cam", "score-cam", "group-cam", "ablation-cam", "full-grad", "rise", "gradient"]
)
def test_maps_of_every_kind_of_method(name, net, images):
    with_trained_norms(net)
    explainer = get_explainer(name, **({"masks": 20} if name == "rise" else {}))
    expected = explainer(net, images).maps
    maps = explainer(net, images, forward=FastForward(net, dtype=None)).maps
    torch.testing.assert_close(maps, expected, rtol=0, atol=2e-3)


def test_maps_in_bfloat16_are_nearly_the_same(net, images, unchanged):
    with_trained_norms(net)
    with unchanged(net):
        explanation = GroupCAM(groups=4)(net, images, forward=FastForward(net, dtype=torch.bfloat16))
    expected = GroupCAM(groups=4)(net, images)
    assert torch.equal(explanation.targets, expected.targets)
    assert (explanation.maps - expected.maps).abs().mean() < 0.1
    assert not torch.equal(explanation.logits, expected.logits)


def test_a_custom_forward(net, images):
    wrapped = nn.ModuleDict({"net": net})
    forward = FastForward(wrapped, lambda batch: wrapped["net"](batch), dtype=None)
    expected = GradCAM(layer="net.body")(wrapped, images, forward=wrapped["net"]).maps
    torch.testing.assert_close(GradCAM(layer="net.body")(wrapped, images, forward=forward).maps, expected)


def test_description(net, images):
    forward = FastForward(net, dtype=torch.bfloat16)
    assert forward.description == "not tried yet"
    with torch.no_grad():
        forward(images)
    assert forward.description == "bfloat16, channels-last, 2 batch-norms folded"


def test_a_compiled_model_inside_neutral(images, net):
    compiled = torch.compile(net, backend="eager")
    with neutral(net):
        expected = net(images)
        torch.testing.assert_close(FastForward(compiled, dtype=None)(images), expected, rtol=1e-4, atol=1e-4)


def test_unknown_dtype(net):
    with pytest.raises(ValueError, match=r"`dtype` must be 'auto', a torch\.dtype or None, got 'half'"):
        FastForward(net, dtype="half")
