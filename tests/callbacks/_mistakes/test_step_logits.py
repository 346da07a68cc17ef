"""Logits that a validation step computes."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from torch import nn

from camaug.callbacks._mistakes.step_logits import StepLogits
from tests.toys import DictOutput, TinyNet

IMAGES = torch.rand(4, 3, 16, 16)


class Module(L.LightningModule):
    """A module whose step reaches its logits in one of several ways."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.logits = None

    def forward(self, images):
        return self.net(images)


class CallsItself(Module):
    def validation_step(self, images):
        self.logits = self(images)


class CallsForward(Module):
    def validation_step(self, images):
        self.logits = self.forward(images)


class CallsItsNet(Module):
    def validation_step(self, images):
        self.logits = self.net(images)


class BackboneAndHead(L.LightningModule):
    def __init__(self, net: TinyNet) -> None:
        super().__init__()
        self.backbone = nn.Sequential(net.stem, net.body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = net.head

    def validation_step(self, images):
        self.logits = self.head(self.backbone(images))


def run(module, watch: StepLogits):
    module.eval()
    watch.start()
    with torch.inference_mode():
        module.validation_step(IMAGES)
    found = watch.read(len(IMAGES), 5)
    watch.stop()
    return found


@pytest.mark.parametrize("kind", [CallsItself, CallsForward, CallsItsNet, BackboneAndHead])
def test_logits_are_those_of_the_step_in_the_first_step_and_later(kind):
    module = kind(TinyNet())
    watch = StepLogits(module)
    for _ in range(3):
        found = run(module, watch)
        assert found is not None
        torch.testing.assert_close(found, module.logits, rtol=0, atol=0)


def test_logits_in_a_dictionary_are_found():
    module = CallsItself(DictOutput(TinyNet()))
    assert torch.equal(run(module, StepLogits(module)), module.logits["logits"])


def test_outputs_of_another_width_are_no_logits():
    module = CallsItself(TinyNet())
    watch = StepLogits(module)
    watch.start()
    module.validation_step(IMAGES)
    assert watch.read(len(IMAGES), 7) is None
    assert watch.read(len(IMAGES) - 1, 5) is None
    watch.stop()


def test_nothing_stays_at_the_module_after_a_step():
    module = CallsForward(TinyNet())
    before = {name: len(part._forward_hooks) + len(part._forward_pre_hooks) for name, part in module.named_modules()}
    watch = StepLogits(module)
    run(module, watch)
    run(module, watch)
    after = {name: len(part._forward_hooks) + len(part._forward_pre_hooks) for name, part in module.named_modules()}
    assert after == before
    assert "forward" not in vars(module)


def test_a_transformer_keeps_its_fast_path_while_it_is_observed():
    layer = nn.TransformerEncoderLayer(8, 2, batch_first=True)
    net = nn.Sequential(
        nn.Flatten(2), nn.Linear(256, 8), nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(24, 5)
    )
    module = CallsItself(net)
    watch = StepLogits(module)
    watch.start()
    hooked = [part for part in module.modules() if part._forward_hooks]
    watch.stop()
    assert hooked
    assert not any(isinstance(part, nn.TransformerEncoderLayer) for part in hooked)
    assert not any(part in set(layer.modules()) for part in hooked)
