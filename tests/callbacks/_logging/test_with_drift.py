"""Comparison of a snapshot with the previous one."""

from __future__ import annotations

import pytest
import torch

from camaug.callbacks._logging.with_drift import with_drift
from tests.callbacks._logging.make_snapshot import make_snapshot


def test_the_first_snapshot_has_no_drift():
    snapshot = make_snapshot(torch.rand(2, 8, 8))
    assert with_drift(snapshot, None) is snapshot


def test_drift_and_overlap_by_hand():
    maps = torch.arange(128.0).view(2, 8, 8)
    compared = with_drift(make_snapshot(maps), torch.stack([maps[0], -maps[1] + 200]))
    assert compared.drift.tolist() == pytest.approx([0, 2], abs=1e-5)
    assert compared.overlap.tolist() == pytest.approx([1, 0])
