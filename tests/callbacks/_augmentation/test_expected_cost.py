"""Expected cost of the explanations."""

import itertools

import pytest
import torch
from torch import nn

from camaug.callbacks._augmentation import expected_cost as place
from camaug.callbacks._augmentation.expected_cost import expected_cost


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_an_explained_image_in_steps_for_one_image(model, monkeypatch):
    # 6 s to explain, 24 s for both passes; in the second round 90 s, when the machine has other work
    seconds = itertools.accumulate([0, 6.0, 0, 24.0, 0, 90.0, 0, 24.0, 0, 6.0, 0, 24.0])
    monkeypatch.setattr(place, "now", lambda device: next(seconds))

    def explain(images):
        for _ in range(5):
            model(images)

    cost = expected_cost(explain, model, model, torch.rand(8, 3, 9, 9), explained=2)
    assert cost.passes == 5
    assert cost.steps == (6 / 2) / (24 / 8)


def test_the_model_is_as_it_was(model):
    model[0].bias.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    expected_cost(lambda images: None, model, model, torch.rand(4, 3, 9, 9), explained=1)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(len(module._forward_pre_hooks) for module in model.modules())
    assert all(module.training for module in model.modules())


def test_a_frozen_model(model):
    model.requires_grad_(False)
    assert expected_cost(model, model, model, torch.rand(4, 3, 9, 9), explained=4).passes == 1


def test_the_step_of_a_part_is_measured_where_the_whole_batch_does_not_fit(model):
    sizes = []

    def forward(images):
        sizes.append(len(images))
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return model(images)

    cost = expected_cost(model, model, forward, torch.rand(8, 3, 9, 9), explained=2)
    assert sizes == [8, 4, 2, 2, 2, 2]
    assert cost.passes == 1
    assert cost.steps > 0


def test_a_pass_that_failed_is_not_counted(model):
    def explain(images):
        with pytest.raises(RuntimeError):
            model(images[:, :1])  # one channel, where the model expects three
        model(images)

    assert expected_cost(explain, model, model, torch.rand(4, 3, 9, 9), explained=2).passes == 1
