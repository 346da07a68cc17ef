"""Generators that data sets and transforms keep for themselves are left as they were."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset

from camaug.utils.own_generators import preserved_own_generators

GENERATORS = {
    "numpy": (lambda: np.random.default_rng(0), lambda generator: generator.random()),
    "numpy's old": (lambda: np.random.RandomState(0), lambda generator: generator.rand()),
    "python": (lambda: random.Random(0), lambda generator: generator.random()),
    "torch": (lambda: torch.Generator().manual_seed(0), lambda generator: torch.rand(1, generator=generator).item()),
}


class Noisy(Dataset):
    """Data set that adds noise of a generator of its own."""

    def __init__(self, kind: str) -> None:
        create, self.draw = GENERATORS[kind]
        self.transform = {"noise": [create()]}  # as in a transform inside a transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index):
        (generator,) = self.transform["noise"]
        return torch.full((3, 24, 24), self.draw(generator)), index % 3


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_generator_inside_a_subset_is_restored(kind):
    subset = Subset(Noisy(kind), [0, 1])
    with preserved_own_generators(subset, None, subset):
        first = [subset[0][0][0, 0, 0].item() for _ in range(3)]
    assert [subset[0][0][0, 0, 0].item() for _ in range(3)] == first


def test_objects_that_refer_to_each_other_end():
    one, two = {}, {}
    one["other"], two["other"] = two, one
    with preserved_own_generators(one):
        pass


def test_an_error_restores_them_too():
    generator = np.random.default_rng(0)

    def draw_and_fail() -> None:
        with preserved_own_generators([generator]):
            generator.random()
            raise KeyError

    with pytest.raises(KeyError):
        draw_and_fail()
    assert generator.random() == np.random.default_rng(0).random()
