"""Normalisation of a model's inputs, as the data describe it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import Subset
from torchvision.transforms import v2

from camaug.callbacks._logging.find_normalisation import find_normalisation
from camaug.images.normalisation import Normalisation

NORMALIZE = v2.Normalize([0.5, 0.25, 0.125], [1.0, 2.0, 4.0])
EXPECTED = Normalisation((0.5, 0.25, 0.125), (1.0, 2.0, 4.0))


class Transformed(list):
    transform = v2.Compose([v2.Identity(), v2.RandomApply([NORMALIZE])])


def test_the_data_module_comes_first():
    trainer = SimpleNamespace(datamodule=SimpleNamespace(mean=(0.0,), std=torch.tensor([3.0])))
    assert find_normalisation(trainer, Transformed(), 3) == Normalisation((0.0,), (3.0,))
    trainer.datamodule = SimpleNamespace(val_aug=torch.nn.Sequential(v2.Normalize([7.0], [8.0])))
    assert find_normalisation(trainer, Transformed(), 3) == Normalisation((7.0,), (8.0,))


@pytest.mark.parametrize("trainer", [SimpleNamespace(), SimpleNamespace(datamodule=SimpleNamespace(mean=(0.0,)))])
def test_a_normalize_transform_of_the_data_set_is_found(trainer):
    found = find_normalisation(trainer, Subset(Transformed([1, 2]), [0]), 3)
    assert found == EXPECTED
    assert found.is_known


def test_the_users_comes_before_all():
    given = Normalisation((0.25,), (0.5,))
    assert find_normalisation(SimpleNamespace(), Transformed(), 3, given=given) == given
    assert find_normalisation(SimpleNamespace(), Transformed(), 3, given=Normalisation()) == EXPECTED


def test_otherwise_it_is_unknown():
    found = find_normalisation(SimpleNamespace(), [1, 2], 3)
    assert found == (None, None)
    assert not found.is_known


def test_a_wrong_number_of_values_is_a_warning_and_unknown():
    sentences = []
    assert find_normalisation(SimpleNamespace(), Transformed(), 13, warn=sentences.append) == (None, None)
    assert sentences == [
        "the `mean` of the normalisation has 3 values and the images have 13 channels. "
        "The images are shown as if their normalisation were unknown"
    ]
