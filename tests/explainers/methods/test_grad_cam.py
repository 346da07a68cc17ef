from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import GradCAM
from camaug.explainers.methods.grad_cam import channel_weights
from tests.explainers.raw_maps import one_channel_model, raw_maps

TARGETS = torch.tensor([0, 3, 2, 4])


def test_maps_of_two_channels():
    """Features (x, 2x) and logits (mean of channel 0) - (mean of channel 1) / 4, over 2 x 2 positions."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        model[3].weight.copy_(torch.tensor([[1.0, -0.25], [-1.0, 0.25]]))
    image = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])
    # w = (1/4, -1/16): the sum is x/4 - 2x/16 = x/8 = (.125, .25, .375, -.5), rectified (.125, .25, .375, 0).
    torch.testing.assert_close(GradCAM()(model, image, 0).maps, torch.tensor([[[1 / 3, 2 / 3], [1.0, 0.0]]]))
    # For the other class the sum is -x/8, of which only the last value is positive.
    torch.testing.assert_close(GradCAM()(model, image, 1).maps, torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]))


def test_channel_weights_are_means():
    gradients = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, -8.0], [0.0, 0.0]]]])
    assert channel_weights(gradients).tolist() == [[2.5, -2.0]]


def test_maps_are_proportional_to_cam_where_the_head_is_pooling_and_one_linear_layer(net, images, evidence_of):
    evidence = evidence_of(net, images, TARGETS)
    ours = GradCAM().saliency(evidence)
    features = net.body(net.stem(images))
    cam = torch.einsum("nk,nkuv->nuv", net.head.weight[TARGETS], features)
    assert (cam > 0).any()
    torch.testing.assert_close(ours, cam.relu() / 16, rtol=1e-4, atol=1e-6)


def deep_net() -> nn.Sequential:
    """Return a network whose head has a hidden layer, so that the gradients differ between positions."""
    torch.manual_seed(3)
    features = [nn.Conv2d(3, 6, 3, 2, 1), nn.Tanh(), nn.Conv2d(6, 8, 3, 2, 1), nn.ELU()]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(128, 10), nn.Tanh(), nn.Linear(10, 5)).eval()


def assert_same_range(ours: torch.Tensor, reference: torch.Tensor) -> None:
    assert (reference.amax(dim=(1, 2)) > 0).any()
    scale = reference.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    assert ((ours - reference).abs() / scale).amax() < 1e-5


@pytest.mark.parametrize("layer", ["1", "3"])
def test_maps_in_float64_against_autograd(images, evidence_of, layer):
    model, images = deep_net().double(), images.double()
    ours = GradCAM().saliency(evidence_of(model, images, TARGETS, layer=layer))
    cut = int(layer) + 1
    features = model[:cut](images).detach().requires_grad_()
    model[cut:](features)[range(4), TARGETS].sum().backward()
    weights = features.grad.mean(dim=(2, 3), keepdim=True)
    assert_same_range(ours.double(), (weights * features).sum(dim=1).relu().detach())


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("layer", ["1", "3"])
def test_whole_maps_against_pytorch_grad_cam(images, layer):
    library = pytest.importorskip("pytorch_grad_cam")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = deep_net()
    ours = GradCAM(layer=layer)(model, images, TARGETS).maps
    with library.GradCAM(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        theirs = cam(input_tensor=images, targets=[ClassifierOutputTarget(int(t)) for t in TARGETS])
    # It normalises before OpenCV enlarges, whose interpolation rounds differently from torch's.
    theirs = torch.from_numpy(theirs)
    theirs = theirs / theirs.amax(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    assert torch.equal(ours.amax(dim=(1, 2)) > 0, theirs.amax(dim=(1, 2)) > 0)
    has_evidence = ours.amax(dim=(1, 2)) > 0
    assert has_evidence.sum() >= 2
    for own, other in zip(ours[has_evidence], theirs[has_evidence], strict=True):
        assert torch.corrcoef(torch.stack([own.flatten(), other.flatten()]))[0, 1] > 0.999


# Errors


def test_a_layer_that_the_logits_do_not_depend_on_is_refused(images):
    class SideBranch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Conv2d(3, 4, 3, 2)
            self.side = nn.Conv2d(3, 4, 3, 2)
            self.head = nn.Linear(4, 5)

        def forward(self, x):
            self.side(x)
            return self.head(self.features(x).mean(dim=(2, 3)))

    with pytest.raises(ValueError, match="the logits do not depend on the target layer's output"):
        GradCAM(layer="side")(SideBranch(), images)


def test_a_detached_forward_is_refused(net, images):
    with pytest.raises(ValueError, match="the logits do not depend on the target layer's output"):
        GradCAM(layer="body")(net, images, forward=lambda batch: net(batch).detach())


def test_the_map_of_a_class_without_evidence_is_empty(images):
    """The features are negative, and the class has positive weights."""
    model = nn.Sequential(nn.Conv2d(3, 2, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.fill_(-1)
        model[0].bias.zero_()
        model[3].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    assert GradCAM()(model, images, 0).maps.eq(0).all()
    assert GradCAM()(model, images, 1).maps.amax(dim=(1, 2)).eq(1).all()


def test_maps_of_one_channel():
    image = torch.tensor([[[[3.0, -1.0], [-2.0, 5.0]]]])
    assert raw_maps("grad-cam", one_channel_model(), image, 0, layer="0").tolist() == [[[1.5, 0.0], [0.0, 2.5]]]
