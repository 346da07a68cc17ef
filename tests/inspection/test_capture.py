from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.capture import capture
from camaug.inspection.neutral import neutral


@pytest.mark.parametrize("gradients", [True, False])
def test_the_output_is_kept_before_it_is_overwritten(gradients):
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True))
    images = torch.randn(2, 1, 4, 4)
    expected = model[0](images).detach()
    assert (expected < 0).any()
    with neutral(model), capture(model[0], gradients=gradients) as captured:
        output = model(images)
    assert torch.equal(captured.output.detach(), expected)
    assert torch.equal(output.detach(), expected.relu())
    assert captured.output.requires_grad is gradients
    assert output.requires_grad is gradients


def test_no_graph_before_the_layer(net, images):
    with neutral(net), capture(net.body, gradients=True) as captured:
        logits = net(images)
    assert captured.output.is_leaf
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        torch.autograd.grad(logits.sum(), [net.stem[0].weight])


def test_the_last_of_several_calls_counts():
    layer = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2)
    with neutral(layer), capture(layer, gradients=False) as captured:
        layer(layer(torch.ones(1, 1, 2, 2)))
    assert captured.output.eq(4).all()


def test_an_error_removes_the_hook_and_restores_the_autograd_mode(net, images):
    with neutral(net):
        with pytest.raises(KeyError, match="inside"), capture(net.body, gradients=True):  # noqa: PT012
            net(images)
            raise KeyError("inside")
        assert not torch.is_grad_enabled()
    assert not net.body._forward_hooks
