from __future__ import annotations

import torch

from camaug.functional.shifted_masks import shifted_masks


def test_each_mask_is_rolled_by_its_own_distance():
    mask = torch.zeros(5, 7, dtype=torch.bool)
    mask[1, 2] = mask[1, 3] = mask[4, 6] = True
    rolled = [mask.roll((rows, columns), (0, 1)) for rows in range(5) for columns in range(7)]
    torch.manual_seed(0)
    moved = shifted_masks(mask.expand(200, 5, 7))
    counts = torch.stack([(moved == each).all(dim=2).all(dim=1).sum() for each in rolled])
    assert counts.sum() == 200
    assert (counts > 0).sum() > 30  # of 35 positions
