from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from camaug.images.preprocessing import model_preprocessing
from camaug.training.data_facts import class_names, evaluation_preprocessing, rgb_normalisation


@pytest.mark.parametrize(
    ("classes", "names"),
    [(["ant", "bee"], ["ant", "bee"]), (("ant", 7), ["ant", "7"]), (["ant"], None), ({"ant": 0, "bee": 1}, None)],
)
def test_class_names_are_one_for_each_class_or_none(classes, names):
    assert class_names(SimpleNamespace(classes=classes), 2) == names
    assert class_names(None, 2) is None


def test_preprocessing_is_in_plain_types():
    data = SimpleNamespace(image_size=32.0, mean=[0, 0.5, 1], std=(1, 1, 1))
    expected = {"image_size": 32, "mean": (0.0, 0.5, 1.0), "std": (1.0, 1.0, 1.0), "crop_pct": 1.0}
    assert evaluation_preprocessing(data) == expected
    assert evaluation_preprocessing(SimpleNamespace(**vars(data), crop_pct=0.875))["crop_pct"] == 0.875


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        (torch.tensor(0), torch.tensor(255), ((0.0,) * 3, (1.0,) * 3)),
        (0.5, np.float32(0.25), ((0.5,) * 3, (0.25,) * 3)),
        (torch.tensor([0.5, 0.25, 0.0]).view(3, 1, 1), np.ones(3), ((0.5, 0.25, 0.0), (1.0, 1.0, 1.0))),
        (torch.zeros(13), torch.ones(13), (None, None)),
        ("none", None, (None, None)),
    ],
)
def test_statistics_in_other_forms(mean, std, expected):
    data = SimpleNamespace(mean=mean, std=std, image_size=(32, 32))
    assert rgb_normalisation(data) == expected
    settings = evaluation_preprocessing(data)
    if expected[0] is None:
        assert settings is None
    else:
        assert (settings["mean"], settings["std"], settings["image_size"]) == (*expected, 32)


def test_the_range_of_deep_images_is_kept():
    data = SimpleNamespace(image_size=32, mean=[0.5] * 3, std=[0.5] * 3, value_range=(0, 4095))
    settings = evaluation_preprocessing(data)
    assert settings["value_range"] == (0, 4095)
    module = nn.Module()
    module.preprocessing = settings
    assert model_preprocessing(module).value_range == (0, 4095)
    assert model_preprocessing(module).settings["value_range"] == (0, 4095)


def test_images_that_are_not_square_have_no_preprocessing():
    data = SimpleNamespace(mean=[0.5] * 3, std=[0.5] * 3, image_size=(32, 48))
    assert evaluation_preprocessing(data) is None


@pytest.mark.parametrize("name", ["image_size", "mean", "std"])
def test_preprocessing_is_none_unless_all_of_it_is_known(name):
    data = SimpleNamespace(image_size=32, mean=[0.5], std=[0.5])
    setattr(data, name, None)
    assert evaluation_preprocessing(data) is None
