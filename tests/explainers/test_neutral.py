"""Explaining changes nothing in the model or the process, whether it succeeds or fails, for every registered method."""

from __future__ import annotations

import gc
import random
import weakref
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from camaug import Explainer
from camaug.explainers import LayerEvidence, LayerExplainer
from tests.explainers.conftest import QUERYING

BATCH = (4, 3, 16, 16)


def at(explainer: Explainer, layer: str | None) -> Explainer:
    """Return the explainer at a layer, if it reads one."""
    if not isinstance(explainer, LayerExplainer):
        return explainer
    if isinstance(explainer.layer, tuple):
        layer = ("conv", "features")
    return type(explainer)(**{**vars(explainer), "layer": layer})


@pytest.mark.parametrize("layer", [None, "features"])
@pytest.mark.parametrize("training", [True, False])
def test_a_success_changes_nothing(explainer, restless_net, unchanged, layer, training):
    if not training:
        restless_net.eval()
    images = torch.rand(BATCH)
    before = images.clone()
    with unchanged(restless_net):
        explanation = at(explainer, layer)(restless_net, images)
    assert explanation.maps.amax() > 0
    for tensor in (explanation.maps, explanation.logits, explanation.targets):
        assert tensor.grad_fn is None
        assert not tensor.requires_grad
    assert torch.equal(images, before)
    assert images.grad is None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_success_changes_nothing_in_every_autograd_mode(explainer, restless_net, unchanged, mode):
    images = torch.rand(BATCH)
    with mode(), unchanged(restless_net):
        at(explainer, None)(restless_net, images)


@pytest.mark.parametrize("layer", [None, "features"])
def test_an_invalid_target_changes_nothing(explainer, restless_net, unchanged, layer):
    images = torch.rand(BATCH)
    with unchanged(restless_net), pytest.raises(ValueError, match="`targets` must be between 0 and 4"):
        at(explainer, layer)(restless_net, images, 99)


@pytest.mark.parametrize("layer", [None, "features"])
def test_a_layer_that_raises_changes_nothing(explainer, restless_net, unchanged, layer):
    images = torch.rand(BATCH)
    restless_net.fuse.after = 0
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        at(explainer, layer)(restless_net, images)


def test_a_layer_that_raises_in_a_query_changes_nothing(querying_explainer, restless_net, unchanged):
    explainer, images = at(querying_explainer, "features"), torch.rand(BATCH)
    calls = count_calls(explainer, restless_net, images)
    assert calls > 1
    for raising in {2, calls}:  # the first query, then the last one
        restless_net.fuse.calls, restless_net.fuse.after = 0, raising
        with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
            explainer(restless_net, images)


def test_a_method_calls_the_model_once_or_is_tested_with_a_query_that_raises(explainer, restless_net):
    calls = count_calls(at(explainer, "features"), restless_net, torch.rand(BATCH))
    assert calls == 1 or explainer.name in dict(QUERYING)


def count_calls(explainer: Explainer, restless_net: torch.nn.Module, images: torch.Tensor) -> int:
    explainer(restless_net, images)  # the search for the layer is not counted
    restless_net.fuse.calls = 0
    explainer(restless_net, images)
    return restless_net.fuse.calls


def test_a_compiled_model_that_raises_after_the_target_layer_is_unchanged(explainer, restless_net, unchanged):
    images = torch.rand(BATCH)
    compiled = torch.compile(restless_net, backend="eager")
    restless_net.fuse.after = 0
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        at(explainer, None)(compiled, images)


@pytest.mark.parametrize("outcome", ["success", "bad target", "raising layer"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_changes_in_every_precision_and_memory_format(
    explainer, restless_net, unchanged, dtype, memory_format, outcome
):
    model = restless_net.to(dtype=dtype, memory_format=memory_format)
    images = torch.rand(BATCH).to(dtype=dtype, memory_format=memory_format)
    explainer = at(explainer, "features")
    if outcome == "success":
        with unchanged(model):
            assert explainer(model, images).maps.isfinite().all()
    elif outcome == "bad target":
        with unchanged(model), pytest.raises(ValueError, match="`targets` must be between 0 and 4"):
            explainer(model, images, 5)
    else:
        model.fuse.after = 0
        with unchanged(model), pytest.raises(RuntimeError, match="fuse blown"):
            explainer(model, images)


def test_calls_keep_no_memory(explainer, restless_net):
    images = torch.rand(BATCH)[:2]

    def living() -> int:
        gc.collect()
        return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())

    gc.freeze()  # older objects are neither collected nor counted, which would take seconds
    try:
        for _ in range(2):
            explainer_here = at(explainer, "features")
            explainer_here(restless_net, images)
        before = living()
        for _ in range(8):
            explainer_here(restless_net, images)
        assert living() <= before
    finally:
        gc.unfreeze()


def test_no_reference_to_the_model_is_kept(explainer, make_net, images):
    net = make_net()
    explanation = explainer(net, images)
    reference = weakref.ref(net)
    del net
    gc.collect()
    assert reference() is None
    assert explanation.maps.isfinite().all()


# Explanations during training


def train(explainer: Explainer | None, net: torch.nn.Module, autocast: bool) -> list[torch.Tensor]:
    """Train three steps with dropout and batch-norm, with explanations between forward and backward passes if given."""
    net = torch.nn.Sequential(net, torch.nn.Dropout(0.3)).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    torch.manual_seed(5)
    for _ in range(3):
        images, labels = torch.rand(BATCH), torch.randint(0, 5, (4,))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            if explainer is not None:
                explainer(net, images, labels)
            loss = F.cross_entropy(net(images), labels)
            if explainer is not None:
                explainer(net, images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if explainer is not None:
            explainer(net, images)
    return list(net.state_dict().values())


@pytest.mark.parametrize("autocast", [False, True])
def test_training_with_explanations_is_the_same_bit_for_bit(explainer, make_net, autocast):
    start = [value.clone() for value in make_net().state_dict().values()]
    plain, explained = train(None, make_net(), autocast), train(explainer, make_net(), autocast)
    assert any(not torch.equal(a, b) for a, b in zip(start, plain, strict=True)), "the weights did not change"
    for a, b in zip(plain, explained, strict=True):
        assert torch.equal(a, b)


# The fixture `unchanged` itself


@dataclass(frozen=True)
class Polluter(LayerExplainer):
    """An explainer that changes something that it must not change."""

    how: str = "nothing"

    def __call__(self, model, images, targets=None, *, forward=None):
        explanation = super().__call__(model, images, targets, forward=forward)
        POLLUTIONS[self.how](model)
        return explanation

    def weights(self, evidence: LayerEvidence, maps):
        return maps.mean(dim=(2, 3))


def replace_buffer(model):
    model.norm.running_mean = model.norm.running_mean.clone()


POLLUTIONS = {
    "modes": lambda model: model.eval(),
    "modules": lambda model: model.add_module("spare", torch.nn.Identity()),
    "parameters": lambda model: model.requires_grad_(True),
    "gradients": lambda model: model.zero_grad(),
    "gradients,": lambda model: model.head.bias.grad.mul_(1.5),
    "buffers": lambda model: model.norm.num_batches_tracked.add_(1),
    "buffers,": replace_buffer,
    "hooks": lambda model: model.conv.register_forward_hook(lambda *_: None),
    "tensor hooks": lambda model: model.head.weight.register_hook(lambda g: g),
    "torch's random numbers": lambda model: torch.rand(1),
    "python's random numbers": lambda model: random.random(),
    "numpy's random numbers": lambda model: np.random.rand(),
    "grad mode": lambda model: torch.set_grad_enabled(False),
}


@pytest.mark.parametrize("how", POLLUTIONS)
def test_every_change_is_found(restless_net, unchanged, how):
    with pytest.raises(AssertionError, match=f"the block changed .*{how.strip(',')}"), unchanged(restless_net):
        Polluter(how=how)(restless_net, torch.ones(BATCH))
    torch.set_grad_enabled(True)


def test_nothing_is_found_where_nothing_changes(restless_net, unchanged):
    with unchanged(restless_net):
        Explainer.__call__(Polluter(), restless_net, torch.ones(BATCH))
