"""The table of torchvision's labelled data sets."""

from __future__ import annotations

import inspect

import pytest
from torchvision import datasets

from camaug.datamodules import TorchvisionDataModule
from camaug.datamodules._torchvision.torchvision_splits import _SPLITS, NOT_DOWNLOADABLE, find_splits


def test_unknown_name_gives_the_nearest():
    with pytest.raises(ValueError, match=r"'Cifar_10' is none of .*did you mean 'CIFAR10' or 'CIFAR100'"):
        TorchvisionDataModule("Cifar_10")


@pytest.mark.parametrize("name", ["SEMEION", "CocoDetection", "Kinetics", "ImageFolder"])
def test_unlabelled_data_sets_are_refused_with_a_list_of_the_others(name):
    with pytest.raises(ValueError, match=f"'{name}' is none of .* expected one of CIFAR10, CIFAR100, .*USPS"):
        TorchvisionDataModule(name)


@pytest.mark.parametrize("name", sorted(_SPLITS))
def test_the_table_fits_torchvision(name):
    parameters = inspect.signature(getattr(datasets, name)).parameters
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for part in find_splits(name).values():
        assert takes_more or set(part) <= set(parameters)
    assert find_splits(name)["train"] != find_splits(name)["val"]
    if name not in NOT_DOWNLOADABLE:
        assert takes_more or "download" in parameters
