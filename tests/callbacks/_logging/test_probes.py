"""The probe images."""

from __future__ import annotations

import torch

from camaug.callbacks._logging.probes import Probes


def test_slices_are_the_positions_of_each_batch():
    batches = [[torch.rand(count, 3, 4, 4), torch.zeros(count)] for count in (4, 4, 1)]
    probes = Probes(batches, list(range(9)), [0] * 9, None)
    assert [list(range(9))[part] for part in probes.slices] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
