from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import get_explainer
from camaug.explainers.methods.full_grad import full_gradients, implicit_bias
from tests.explainers.raw_maps import TARGETS, gather_evidence, linear_model


def test_full_gradients_sum_to_the_score(images):
    """Completeness holds for ReLU networks with batch-norms and linear layers."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, bias=False),
        nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 9),
        nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, 5),
    ).double().eval()  # fmt: skip
    for parameter in [*model.parameters(), model[4].running_mean, model[9].running_mean]:
        parameter.data += 0.3 * torch.randn_like(parameter)
    _, evidence = gather_evidence("full-grad", model, images.double(), TARGETS)
    with torch.no_grad():
        at_input, at_biases = full_gradients(evidence)
        score = model(images.double()).gather(1, TARGETS[:, None])[:, 0]
    assert len(at_biases) == 5
    total = at_input.sum(dim=(1, 2, 3)) + sum(each.flatten(1).sum(dim=1) for each in at_biases)
    torch.testing.assert_close(total, score)


def test_the_implicit_bias_of_a_batch_norm_is_its_output_at_0():
    norm = nn.BatchNorm2d(3).eval()
    for value in (norm.running_mean, norm.weight.data, norm.bias.data):
        value.normal_()
    norm.running_var.uniform_(1, 2)
    expected = norm(torch.zeros(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(implicit_bias(norm), expected.detach())
    assert implicit_bias(nn.Conv2d(3, 4, 1, bias=False)) is None


def test_models_without_spatial_biases_are_refused():
    with pytest.raises(ValueError, match="full-grad shows the biases of convolutions and batch-norms, and Sequential"):
        get_explainer("full-grad")(linear_model(), torch.rand(1, 3, 6, 6))
