"""Batch-norms are folded only if nothing else reads what they normalise."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from camaug.fast_forward.folding import FoldablePair, PreparedWeights, find_foldable_pairs
from tests.fast_forward.models import MODELS, run_fast, with_trained_norms
from tests.operation_counter import OperationCounter
from tests.toys import TinyNet


@pytest.mark.parametrize(
    ("name", "folded"),
    [("resnet18", 20), ("mobilenet_v3_small", 34), ("squeezenet1_1", 0), ("vit", 0), ("efficientnet", 49)],
)
def test_number_of_folded_batch_norms(name, folded):
    model = with_trained_norms(MODELS[name]())
    with torch.no_grad():
        assert len(find_foldable_pairs(model, model, torch.rand(1, 3, 64, 64))) == folded


class NormBesideSum(nn.Module):
    """The convolution's output is read by a batch-norm and by a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.convolution(images)
        return self.head((features + self.norm(features)).mean(dim=(2, 3)))


class NormTwice(NormBesideSum):
    """The convolution and the batch-norm are called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(3, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for _ in range(2):
            images = self.norm(self.convolution(images))
        return self.head(images.mean(dim=(2, 3)))


@pytest.mark.parametrize("build", [NormBesideSum, NormTwice])
def test_an_output_with_other_readers_is_not_folded(build):
    model = with_trained_norms(build())
    images = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        assert find_foldable_pairs(model, model, images[:1]) == []
        torch.testing.assert_close(run_fast(model, images)[0], model(images))


def test_a_batch_norm_in_training_mode_is_not_folded():
    model = with_trained_norms(TinyNet())
    model.stem[1].train()
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        expected = copy.deepcopy(model)(images)
        torch.testing.assert_close(run_fast(model, images)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_hook_between_receives_the_unfolded_output():
    model = with_trained_norms(TinyNet())
    images = torch.rand(2, 3, 16, 16)
    _, forward = run_fast(model, images)
    outputs = []
    handle = model.body[0].register_forward_hook(lambda module, inputs, output: outputs.append(output.clone()))
    with torch.no_grad():
        forward(images)
        model(images)
    handle.remove()
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("channels_last", [False, True])
def test_folded_weights_are_those_of_pytorch(dtype, channels_last):
    convolutions = [nn.Conv2d(3, 4, 3, bias=bias) for bias in (True, False)]
    norms = [nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4, eps=0.1)]
    pairs = [FoldablePair(*pair) for pair in zip(convolutions, with_trained_norms(nn.ModuleList(norms)), strict=True)]
    prepared = PreparedWeights(nn.ModuleList(convolutions), pairs, dtype, channels_last=channels_last)
    for pair, (weight, bias) in zip(pairs, prepared._folded.values(), strict=True):
        convolution, norm = pair.convolution, pair.batch_norm
        expected = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        assert weight.is_contiguous(memory_format=torch.channels_last) == channels_last
        torch.testing.assert_close(
            (weight, bias), tuple(each.to(dtype or each.dtype) for each in expected), rtol=0, atol=0
        )


def test_folding_takes_one_operation_for_each_weight_and_a_few_for_all():
    layers = (layer for _ in range(20) for layer in (nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
    deep = with_trained_norms(nn.Sequential(*layers))
    with torch.no_grad():
        pairs = find_foldable_pairs(deep, deep, torch.rand(1, 4, 2, 2))
    with OperationCounter() as operations:
        PreparedWeights(deep, pairs, torch.bfloat16, channels_last=True)
    assert len(pairs) == 20
    assert operations.names.count("aten::mul") == 20
    assert len(operations.names) <= 20 + 10
