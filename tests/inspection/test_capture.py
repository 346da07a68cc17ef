from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.capture import capture, channels_first, is_grid, prefix_tokens, to_maps
from camaug.inspection.neutral import neutral

# Capture


@pytest.mark.parametrize("gradients", [True, False])
def test_capture_keeps_the_output_before_it_is_overwritten(gradients):
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


def test_capture_leaves_no_graph_before_the_layer(net, images):
    with neutral(net), capture(net.body, gradients=True) as captured:
        logits = net(images)
    assert captured.output.is_leaf
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        torch.autograd.grad(logits.sum(), [net.stem[0].weight])


def test_capture_takes_the_last_of_several_calls():
    layer = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2)
    with neutral(layer), capture(layer, gradients=False) as captured:
        layer(layer(torch.ones(1, 1, 2, 2)))
    assert captured.output.eq(4).all()


def test_capture_removes_its_hook_and_restores_the_autograd_mode_after_a_failure(net, images):
    with neutral(net):
        with pytest.raises(KeyError, match="on the way"), capture(net.body, gradients=True):  # noqa: PT012
            net(images)
            raise KeyError("on the way")
        assert not torch.is_grad_enabled()
    assert not net.body._forward_hooks


# Maps


def numbered(*shape: int) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def test_pictures_stay():
    features = numbered(2, 5, 4, 6)
    assert torch.equal(to_maps(features, (64, 96)), features)


@pytest.mark.parametrize(("shape", "size"), [((2, 4, 6, 5), (64, 96)), ((2, 7, 7, 64), (224, 224))])
def test_channels_last(shape, size):
    features = numbered(*shape)
    assert torch.equal(to_maps(features, size), features.movedim(3, 1))
    assert torch.equal(channels_first(features, size), features.movedim(3, 1))


def test_channels_first_where_all_sides_are_alike():
    features = numbered(1, 7, 7, 7)
    assert torch.equal(channels_first(features, (224, 224)), features)


@pytest.mark.parametrize("prefix", [0, 1, 4, 5])
@pytest.mark.parametrize(("grid", "size"), [((4, 4), (64, 64)), ((3, 5), (48, 80)), ((6, 4), (96, 64))])
@pytest.mark.parametrize("told", [True, False])
def test_tokens(prefix, grid, size, told):
    height, width = grid
    features = numbered(2, prefix + height * width, 3)
    maps = to_maps(features, size, prefix_tokens=prefix if told else None)
    assert maps.shape == (2, 3, height, width)
    for row in range(height):
        for column in range(width):
            assert torch.equal(maps[:, :, row, column], features[:, prefix + row * width + column])


@pytest.mark.parametrize("shape", [(2, 10), (2, 8, 1, 1), (2, 8, 1, 7), (2, 3, 4, 5, 6), (2, 11, 8)])
def test_features_without_places(shape):
    text = str(tuple(shape)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"output of shape {text} is not spatial, expected .*: choose an earlier"):
        to_maps(torch.rand(shape), (64, 64), prefix_tokens=0)


def test_prefix_tokens_by_what_the_model_says():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert prefix_tokens(model) is None
    model[1].num_prefix_tokens = 5
    assert prefix_tokens(model) == 5


@pytest.mark.parametrize(("grid", "expected"), [((2, 2), True), ((1, 8), False), ((8, 1), False), ((65, 32), False)])
def test_grid(grid, expected):
    assert is_grid(torch.rand(1, 3, *grid), (64, 64)) is expected
