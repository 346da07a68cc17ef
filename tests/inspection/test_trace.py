from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.trace import trace, trace_noise


def names(traced):
    return [call.name for call in traced.calls]


@pytest.fixture
def image():
    return torch.rand(1, 3, 16, 16)


@torch.no_grad()
def test_calls_are_recorded_in_the_order_in_which_they_end(net, image):
    traced = trace(net, net, image)
    assert names(traced) == ["stem.0", "stem.1", "stem.2", "stem", "body.0", "body.1", "body.2", "body", "head"]
    assert torch.equal(traced.logits, net(image))
    assert traced.images is image
    assert [call.is_leaf for call in traced.calls[2:4]] == [True, False]
    assert [call.has_weights for call in traced.calls[1:4]] == [True, False, False]
    assert not any(module._forward_hooks for module in net.modules())


@torch.no_grad()
def test_outputs_are_copied_before_in_place_layers_overwrite_them(image):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    assert (trace(model, model, image).calls[0].kept_output < 0).any()


@torch.no_grad()
def test_pooled_and_passed_on_outputs_are_not_kept(image):
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2))
    model = nn.Sequential(pooled, nn.Dropout(), nn.Identity(), nn.Conv2d(4, 4, 3), nn.Flatten())
    traced = trace(model.eval(), model, image)
    assert [call.name for call in traced.calls if call.output is not None] == ["0.0", "3"]
    with pytest.raises(ValueError, match=r"the output of 0\.1 was not kept"):
        _ = traced.calls[1].kept_output


@torch.no_grad()
def test_a_module_called_twice_has_two_calls(image):
    layer = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    traced = trace(model, model, image)
    assert [(call.name, call.index) for call in traced.calls] == [("0", 0), ("1", 0), ("0", 1)]
    assert traced.calls[1].input is not None
    assert traced.calls[1].input.shape == traced.calls[1].shape


@torch.no_grad()
def test_intermediates_come_from_the_same_forward_and_are_no_calls(net, image):
    net.body.forward_intermediates = lambda features, **settings: [net.body[0](features)]
    traced = trace(net, net, image)
    assert len(traced.calls) == 9
    assert torch.equal(traced.intermediates[0], traced.calls[4].kept_output)


@torch.no_grad()
def test_noise_has_the_images_shape_and_is_the_same_every_time(net, image):
    first, second = (trace_noise(net, net, image) for _ in range(2))
    assert first.images.shape == image.shape
    assert not torch.equal(first.images, image)
    assert torch.equal(first.images, second.images)


@torch.no_grad()
def test_the_image_itself_is_traced_if_noise_fails_or_cannot_be_drawn(net, image):
    def refuse_noise(batch):
        if not torch.equal(batch, image):
            raise RuntimeError("noise")
        return net(batch)

    assert trace_noise(net, refuse_noise, image).images is image
    pixels = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    assert trace_noise(net, lambda batch: net(batch.float()), pixels).images is pixels
