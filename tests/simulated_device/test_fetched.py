from __future__ import annotations

import torch

from camaug.utils.fetched import fetched
from tests.simulated_device.backend import DEVICE


def test_tensors_of_all_shapes_are_fetched_in_one_wait(device):
    tensors = [torch.rand(2, 3), torch.tensor(4), torch.rand(0, 5)]
    moved = [tensor.to(DEVICE) for tensor in tensors]
    device.reset()
    results = fetched(*moved)
    assert device.waits.total() == 1
    assert all(torch.equal(result, tensor.float()) for result, tensor in zip(results, tensors, strict=True))
