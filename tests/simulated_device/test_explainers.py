"""Every explainer on the simulated device: the maps of the CPU, few waits, no float64, and no random numbers."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import Tensor, nn

from camaug import Explanation, GradCAM
from camaug.explainers.fast_path import FastPath
from tests.simulated_device.backend import BACKEND, DEVICE
from tests.simulated_device.device import SimulatedDevice
from tests.small_explainers import CONVOLUTIONAL, TRANSFORMERS_ONLY, small
from tests.toys import TinyNet

TARGETS = torch.tensor([0, 1, 2, 1])

# Waits of a call after the first one, besides the check of its targets. Others have none.
WAITS = {
    "cam": 1,  # recognises the head by its output
    "eigen-cam": 1,  # singular value decomposition, as the next two
    "eigen-grad-cam": 1,
    "eigen-smooth": 1,
    "integrated-gradients": 1,  # captum makes its points on the CPU
    "kpca-cam": 2,  # decomposes on the CPU
    "refine-cam": 5,  # finds its layers in each call
    "ss-cam": 2,  # noise of each channel
    "xrai": 5,  # segments on the CPU
}


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return TinyNet().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def explain(name: str, net: nn.Module, images: Tensor, device: torch.device = DEVICE) -> Explanation:
    return small(name)(copy.deepcopy(net).to(device), images.to(device), TARGETS.to(device))


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_maps_are_those_of_the_cpu_without_float64_or_random_numbers(device_without_float64, name, net, images):
    expected = explain(name, net, images, torch.device("cpu"))
    before = torch.get_rng_state(), BACKEND.get_rng_state()
    explanation = explain(name, net, images)
    assert explanation.maps.device == DEVICE
    assert torch.allclose(explanation.maps.cpu(), expected.maps, atol=1e-5)
    assert all(
        torch.equal(*states) for states in zip(before, (torch.get_rng_state(), BACKEND.get_rng_state()), strict=True)
    )


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_a_second_call_waits_only_for_the_check_of_its_targets(device, name, net, images):
    model, inputs, targets = copy.deepcopy(net).to(DEVICE), images.to(DEVICE), TARGETS.to(DEVICE)
    small(name)(model, inputs, targets)
    device.reset()
    small(name)(model, inputs, targets)
    assert sum(device.waits.values()) <= 1 + WAITS.get(name, 0), dict(device.waits)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_explaining_works_where_new_tensors_are_on_the_device(default_device, name, net, images):
    expected = explain(name, net, images, torch.device("cpu"))
    assert torch.allclose(explain(name, net, images).maps.cpu(), expected.maps, atol=1e-5)


def test_targets_on_the_cpu_are_checked_without_a_wait(device, net, images):
    model, inputs = copy.deepcopy(net).to(DEVICE), images.to(DEVICE)
    GradCAM()(model, inputs, 0)
    device.reset()
    for targets in (2, TARGETS):
        GradCAM()(model, inputs, targets)
    assert not device.waits
    with pytest.raises(ValueError, match="between 0 and 4"):
        GradCAM()(model, inputs, torch.tensor([0, 1, 2, 5]))


def test_only_the_first_targets_on_an_accelerator_are_checked(device, net, images):
    inputs = images.to(DEVICE)
    explain = FastPath(GradCAM(), copy.deepcopy(net).to(DEVICE), enabled=False)
    wrong = torch.tensor([0, 1, 2, 9], device=DEVICE)
    with pytest.raises(ValueError, match="between 0 and 4"):
        explain(inputs, wrong)
    explain(inputs, TARGETS.to(DEVICE))
    device.reset()
    maps = explain(inputs, wrong).maps
    assert not device.waits
    assert torch.equal(maps.cpu(), explain(inputs, torch.tensor([0, 1, 2, 4])).maps.cpu())


def test_two_devices_in_one_explanation_are_refused(device: SimulatedDevice, net, images):
    with pytest.raises(RuntimeError, match="aten::convolution"):
        GradCAM()(copy.deepcopy(net).to(DEVICE), images)


@pytest.mark.parametrize("name", [*TRANSFORMERS_ONLY, "grad-cam", "group-cam"])
def test_maps_of_a_transformer_are_those_of_the_cpu(device_without_float64, name):
    model = torchvision.models.VisionTransformer(64, 16, 2, 2, 16, 32, num_classes=5).eval()
    images = torch.rand(4, 3, 64, 64)
    expected = explain(name, model, images, torch.device("cpu"))
    explain(name, model, images)
    assert torch.allclose(explain(name, model, images).maps.cpu(), expected.maps, atol=1e-5)
