from __future__ import annotations

import torch

from camaug.utils.copied_to import copied_to
from tests.simulated_device.backend import DEVICE


def test_a_copy_to_an_accelerator_does_not_wait(device):
    numbers = torch.arange(3)
    assert copied_to(numbers, DEVICE).tolist() == [0, 1, 2]
    assert [kind for kind, _ in device.waits] == ["to the host"]  # that of `tolist`
    assert device.copies.total() == 1


def test_a_tensor_on_its_device_stays_there():
    numbers = torch.arange(3)
    assert copied_to(numbers, torch.device("cpu")) is numbers
    assert copied_to(numbers, torch.device("meta")).is_meta
