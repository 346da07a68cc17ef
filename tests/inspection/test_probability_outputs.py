"""Outputs that are probabilities are told from logits."""

from __future__ import annotations

import pytest
import torch

from camaug.inspection.model_output import read_logits
from camaug.inspection.probability_outputs import describe_probabilities


def logits(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 2), (4, 10), (2, 1000)])
def test_a_softmax(shape, dtype):
    assert "remove the softmax" in describe_probabilities(logits(*shape).softmax(dim=1).to(dtype))


@pytest.mark.parametrize("shape", [(4, 16), (1, 20)])
def test_a_sigmoid_for_several_labels(shape):
    assert "remove the sigmoid" in describe_probabilities(logits(*shape).sigmoid())


@pytest.mark.parametrize(
    "outputs",
    [
        logits(4, 10),
        logits(4, 10).log_softmax(dim=1),  # the softmax of which are the probabilities, as of logits
        torch.zeros(4, 10),  # a head of zeros
        torch.full((4, 10), 0.5),
        logits(40, 15).sigmoid(),  # too few classes
        0.5 + 0.1 * logits(40, 3).clamp(-1, 1),  # an untrained network, alike for all images
        read_logits(logits(40, 1).sigmoid()),  # (-z/2, z/2)
        logits(4, 10).softmax(dim=1) * 30,
        torch.full((2, 3), torch.nan),
        torch.zeros(0, 3),
    ],
)
def test_other_outputs(outputs):
    assert describe_probabilities(outputs) == ""
