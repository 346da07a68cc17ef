from __future__ import annotations

import pytest
import torch

from camaug.functional.energy_share import energy_share


def test_by_hand():
    maps = torch.tensor([[[0.0, 0.2], [0.9, 0.1]], [[1.0, 0.0], [0.0, 0.0]]])
    masks = torch.tensor([[[False, False], [True, False]], [[True, False], [False, False]]])
    assert energy_share(maps, masks).tolist() == pytest.approx([0.75, 1.0])


def test_an_empty_map_gives_the_area():
    assert energy_share(torch.zeros(1, 2, 2), torch.tensor([[[False, False], [True, False]]])).tolist() == [0.25]
