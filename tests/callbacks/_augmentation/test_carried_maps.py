from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from camaug.callbacks._augmentation.carried_maps import carried_maps
from camaug.saliency_bank.carrying_loader import CarryingLoader
from tests.toys import Blobs

IMAGES, ROWS = torch.zeros(2, 3, 4, 4), torch.tensor([[0.0, 1.0], [1.0, 0.0]])


class Waits(TorchDispatchMode):
    """Count of the operations for whose result the host waits."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func._schema.name == "aten::_local_scalar_dense"
        return func(*args, **(kwargs or {}))


def loader_with(maps: Tensor | None) -> CarryingLoader:
    loader = CarryingLoader(Blobs())
    loader.maps = maps
    return loader


@pytest.mark.parametrize(("labels", "checked", "expected"), [
    (ROWS, True, 1),
    (ROWS, False, 0),
    (torch.tensor([0, 1]), True, 0),
])  # fmt: skip
def test_the_host_waits_only_to_look_for_mixed_labels(labels, checked, expected):
    loader = loader_with(torch.zeros(2, 4, 4, dtype=torch.uint8))
    with Waits() as waits:
        carried_maps(loader, IMAGES, labels, checks_labels=checked)
    assert waits.count == expected


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"carried no maps where the images need \(2, 4, 4\)"):
        carried_maps(DataLoader(Blobs()), IMAGES, ROWS, checks_labels=True)
    maps = torch.zeros(2, 4, 4, dtype=torch.uint8)
    with pytest.raises(ValueError, match="probabilities: the saliency bank has a map for each single image"):
        carried_maps(loader_with(maps), IMAGES, 0.5 * ROWS, checks_labels=True)
