from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from camaug.utils.preserved_random_state import (
    accelerator_random_state,
    preserved_random_state,
    set_accelerator_random_state,
)


class Accelerator(SimpleNamespace):
    """Two devices, each with a state of one byte, as a device module of torch has them."""

    def __init__(self, name: str = "torch.cuda", initialized: bool = True) -> None:
        super().__init__(__name__=name, states=[1, 2], initialized=initialized)

    def is_initialized(self):
        return self.initialized

    def device_count(self):
        return len(self.states)

    def current_device(self):
        return 1

    def get_rng_state(self, device=0):
        return torch.tensor([self.states[device]], dtype=torch.uint8)

    def set_rng_state(self, state, device=0):
        self.states[device] = int(state)

    def manual_seed_all(self, seed):
        self.states = [seed] * len(self.states)


@pytest.fixture
def accelerator(monkeypatch):
    made = Accelerator()
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch, "get_device_module", lambda device: made)
    return made


def draw() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


@pytest.mark.parametrize("seed", [None, 0])
def test_generators_of_the_cpu_go_on_as_before(seed):
    expected = [draw(), draw()]
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    first = draw()
    with preserved_random_state(seed):
        draw()
    assert [first, draw()] == expected


def test_a_seed_gives_the_same_numbers_each_time():
    drawn = []
    for _ in range(2):
        draw()
        with preserved_random_state(seed=5):
            drawn.append(draw())
    assert drawn[0] == drawn[1]


def test_every_device_of_the_accelerator_is_restored(accelerator):
    with preserved_random_state(seed=7):
        assert accelerator.states == [7, 7]
    assert accelerator.states == [1, 2]


def test_an_error_restores_too(accelerator):
    with pytest.raises(ZeroDivisionError), preserved_random_state(seed=7):
        raise ZeroDivisionError
    assert accelerator.states == [1, 2]


def test_an_unused_accelerator_is_not_touched(accelerator):
    accelerator.initialized = False
    with preserved_random_state(seed=7):
        pass
    assert accelerator.states == [1, 2]
    assert accelerator_random_state().numel() == 0
    set_accelerator_random_state(torch.tensor([5], dtype=torch.uint8))
    assert accelerator.states == [1, 2]


def test_the_current_device_is_the_default(accelerator):
    assert accelerator_random_state().tolist() == [2]
    assert accelerator_random_state(0).tolist() == [1]
    set_accelerator_random_state(torch.tensor([5], dtype=torch.uint8))
    assert accelerator.states == [1, 5]


def test_mps_has_one_generator(accelerator):
    accelerator.__name__ = "torch.mps"
    accelerator.states = [3]
    with preserved_random_state():
        accelerator.states = [4]
    assert accelerator.states == [3]
