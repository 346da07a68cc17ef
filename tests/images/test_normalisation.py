"""Normalisation, read from objects of many kinds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import transforms as v1
from torchvision.transforms import v2

from camaug.images.normalisation import Normalisation, channel_values, read_normalisation

EXPECTED = Normalisation((0.5, 0.25), (1.0, 2.0))
BOTH = {"mean": [0.5, 0.25], "std": [1.0, 2.0]}


class Buffers(nn.Module):
    """Module with statistics as buffers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.5, 0.25]).view(1, 2, 1, 1))
        self.register_buffer("std", torch.tensor([1.0, 2.0]).view(1, 2, 1, 1))


class Normalize(nn.Module):
    """Transform like kornia's, whose statistics are in its flags."""

    def __init__(self):
        super().__init__()
        self.flags = {name: torch.tensor(values) for name, values in BOTH.items()}


class RandomGaussianNoise(Normalize):
    """Transform like kornia's, whose mean and standard deviation are of noise."""


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 0.25],
        (0.5, 0.25),
        np.array([0.5, 0.25], np.float32),
        torch.tensor([0.5, 0.25]),
        torch.tensor([0.5, 0.25], requires_grad=True),
        torch.tensor([0.5, 0.25]).view(2, 1, 1),
        torch.tensor([0.5, 0.25]).view(1, 2, 1, 1),
        [torch.tensor(0.5), torch.tensor(0.25)],
        np.array([[[[0.5]], [[0.25]]]]),
    ],
)
def test_one_value_for_each_channel(values):
    assert channel_values(values) == (0.5, 0.25)


@pytest.mark.parametrize("value", [2, 2.0, np.float64(2), np.array(2), torch.tensor(2), torch.tensor([2.0])])
def test_one_value_for_all_channels(value):
    assert channel_values(value) == (2.0,)


@pytest.mark.parametrize(
    "values", [None, "0.5", "none", torch.rand(2, 2), [], torch.mean, {"red": 0.5}, [None], object()]
)
def test_what_is_no_number_for_each_channel(values):
    assert channel_values(values) is None


@pytest.mark.parametrize(
    "source",
    [
        SimpleNamespace(**BOTH),
        BOTH,
        Buffers(),
        SimpleNamespace(data_config={"input_size": (3, 8, 8), **BOTH}),
        SimpleNamespace(transform=v2.Compose([v2.Compose([v2.Normalize(**BOTH)])])),
        v1.Compose([v1.RandomApply([v1.Normalize(**BOTH)])]),
        nn.Sequential(nn.Identity(), nn.Sequential(Normalize())),
        Normalize(),
    ],
)
def test_sources(source):
    assert read_normalisation(None, object(), source) == EXPECTED
    assert EXPECTED.is_known


@pytest.mark.parametrize(
    "source", [SimpleNamespace(mean=0.5), torch.rand(2), [1, 2], nn.Sequential(RandomGaussianNoise()), v2.Identity()]
)
def test_sources_that_tell_nothing(source):
    assert read_normalisation(source) == (None, None)
    assert not read_normalisation(source).is_known


def test_the_numbers_of_values_and_channels_are_compared():
    for channels in (2, 13):
        Normalisation((0.5,), (1.0,)).check(channels)
    EXPECTED.check(2)
    with pytest.raises(
        ValueError, match=r"the `mean` of the normalisation has 2 values and the images have 1 channel$"
    ):
        EXPECTED.check(1)
