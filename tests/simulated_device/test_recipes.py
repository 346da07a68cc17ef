"""Every recipe on the simulated device: the images of the CPU, and steps that do not wait and keep their shapes."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from camaug import GroupCamTransform
from camaug.augmentation.recipes import list_recipes
from camaug.callbacks import GroupCamAugmentation
from tests.simulated_device.backend import DEVICE
from tests.simulated_device.training import StepCounter, train
from tests.toys import TinyNet, TransformedBlobs, certain_recipe

CPU = torch.device("cpu")
LABELS = torch.tensor([0, 1, 2, 1])


@pytest.mark.parametrize("recipe", list_recipes())
def test_images_are_those_of_the_cpu_without_float64(device_without_float64, recipe):
    net, images = TinyNet().eval(), torch.rand(4, 3, 16, 16)
    results = []
    for place in (CPU, DEVICE):
        torch.manual_seed(1)
        model = copy.deepcopy(net).to(place)
        transform = GroupCamTransform(model, recipe=certain_recipe(recipe), blur_kernel_size=5, fast=False)
        augmented = transform.augment((images.to(place), LABELS.to(place)))
        results.append((augmented.images.cpu(), augmented.maps.cpu()))
    for of_cpu, of_device in zip(*results, strict=True):
        assert torch.allclose(of_cpu, of_device, atol=1e-5)


@pytest.mark.parametrize("recipe", list_recipes())
def test_a_recipe_works_where_new_tensors_are_on_the_device(default_device, recipe):
    transform = GroupCamTransform(TinyNet(), recipe=certain_recipe(recipe), share=0.5, blur_kernel_size=5)
    images, _ = transform(torch.rand(4, 3, 16, 16), LABELS.to(DEVICE))
    assert images.device == DEVICE


@pytest.mark.parametrize("recipe", list_recipes())
def test_steps_after_the_first_do_not_wait_and_have_one_set_of_shapes(device, recipe):
    counter = StepCounter(device)
    train(counter, GroupCamAugmentation(recipe=certain_recipe(recipe), blur_kernel_size=5))
    assert [dict(waits) for waits in counter.waits[1:]] == [{}] * 3
    assert len(set(counter.shapes[1:])) == 1


@pytest.mark.parametrize("recipe", ["hide-salient", "paired"])
@pytest.mark.parametrize("several", [1, 2], ids=["one-hot", "several"])
def test_rows_of_labels_are_read_in_few_waits(device, recipe, several):
    rows = sum(F.one_hot((torch.arange(16) + shift) % 5, 5) for shift in range(several)).float()
    counter = StepCounter(device)
    data = TensorDataset(torch.rand(16, 3, 16, 16), rows)
    train(counter, GroupCamAugmentation(recipe=recipe, blur_kernel_size=5), data=data)
    assert [waits.total() for waits in counter.waits[1:]] == [4 if recipe == "paired" else 3] * 3, counter.waits[1]


def test_the_bank_is_filled_and_used_as_on_the_cpu(device_without_float64, tmp_path):
    trained = {}
    for place in (CPU, DEVICE):
        counter = StepCounter(device_without_float64)
        augmentation = GroupCamAugmentation(preset="paper", refresh_every_n_epochs=1, blur_kernel_size=5, fast=False)
        settings = {"data": TransformedBlobs(16), "max_epochs": 2, "default_root_dir": tmp_path / str(place)}
        trained[place] = train(counter, augmentation, device=place, **settings)
    weights = (trained[place].parameters() for place in (CPU, DEVICE))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*weights, strict=True))
    assert not counter.waits[5]
    assert not counter.waits[7]  # the sixth batch is also explained, to measure how old the maps have become
