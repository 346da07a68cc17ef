from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from camaug.inspection.neutral import neutral


def test_modes_inside_the_block(restless_net):
    with torch.inference_mode(), neutral(restless_net):
        assert not any(module.training for module in restless_net.modules())
        assert not torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def disturb(model: nn.Module) -> None:
    model(torch.rand(2, 3, 16, 16))
    model.train()
    model(torch.rand(2, 3, 16, 16))
    model.norm.running_var = torch.full((8,), 7.0)
    model.norm.running_mean.fill_(3)
    model.norm.register_buffer("num_batches_tracked", None)
    torch.manual_seed(9)
    random.seed(9)
    np.random.seed(9)
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_restored(restless_net, unchanged, fails):
    with unchanged(restless_net):
        try:
            with neutral(restless_net):
                disturb(restless_net)
                if fails:
                    raise KeyError("an error inside")
        except KeyError:
            assert fails


def test_buffers_keep_their_storage(restless_net):
    mean = restless_net.norm.running_mean
    view = mean.view(2, 4)
    expected = mean.clone()
    with neutral(restless_net):
        mean.fill_(5)
    assert restless_net.norm.running_mean is mean
    assert torch.equal(view.flatten(), expected)


def test_a_later_backward_pass_finds_its_buffers(restless_net):
    loss = restless_net(torch.rand(2, 3, 16, 16)).sum()
    version = restless_net.norm.running_mean._version
    with neutral(restless_net):
        restless_net(torch.rand(2, 3, 16, 16))
    assert restless_net.norm.running_mean._version == version
    loss.backward()


def test_inference_mode_buffers(restless_net):
    with torch.inference_mode():
        restless_net.norm.running_mean = torch.arange(8.0)
    with neutral(restless_net):
        restless_net.norm.running_mean = torch.zeros(8)
    assert restless_net.norm.running_mean.tolist() == list(range(8))
    with torch.inference_mode(), neutral(restless_net), torch.inference_mode():
        restless_net.norm.running_mean.zero_()
    assert restless_net.norm.running_mean.tolist() == list(range(8))


class MergesInEvaluation(nn.Linear):
    """Layer whose `train()` changes the weights, as in adapters."""

    def train(self, mode: bool = True):
        self.weight.data += 1
        return super().train(mode)


def test_overridden_train_is_not_called(unchanged):
    model = nn.Sequential(MergesInEvaluation(2, 2))
    with unchanged(model), neutral(model):
        model(torch.rand(1, 2))


def test_nested(restless_net, unchanged):
    with unchanged(restless_net), neutral(restless_net):
        with neutral(restless_net):
            restless_net(torch.rand(2, 3, 16, 16))
        assert not restless_net.training
        assert not torch.is_grad_enabled()


def test_compiled_modules_run_eagerly_only_inside():
    modes = []

    class Probe(nn.Module):
        def forward(self, x):
            modes.append("compiled" if torch.compiler.is_compiling() else "eager")
            return x + 1

    model = nn.Sequential(Probe())
    compiled = torch.compile(model, backend="eager")
    with neutral(model):
        compiled(torch.zeros(1))
    assert modes == ["eager"]
    compiled(torch.zeros(1))
    assert modes[1:] == ["compiled"]


def test_the_autocast_cache_holds_no_weights_without_a_graph():
    def gradients(snapshot: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        images = torch.rand(2, 3, 8, 8)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            if snapshot:
                with neutral(model):
                    model(images)
            loss = model(images).square().sum()
        loss.backward()
        return [parameter.grad for parameter in model.parameters()]

    for alone, beside in zip(gradients(False), gradients(True), strict=True):
        assert alone.abs().sum() > 0
        assert torch.equal(alone, beside)
