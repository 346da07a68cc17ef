"""Comparison of a snapshot with the previous one."""

from __future__ import annotations

import pytest
import torch

from camaug.callbacks._logging.film_strip import snapshot_record
from camaug.callbacks._logging.snapshot_metrics import snapshot_metrics
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


def test_maps_that_stay_constant_have_no_drift():
    ramp, constant = torch.arange(64.0).view(8, 8), torch.zeros(8, 8)
    compared = with_drift(
        make_snapshot(torch.stack([ramp, constant, constant])), torch.stack([ramp, constant + 1, ramp])
    )
    assert compared.drift.isnan().tolist() == compared.overlap.isnan().tolist() == [False, True, False]
    metrics = snapshot_metrics(compared)
    assert (metrics["drift"], metrics["overlap"]) == pytest.approx((0.5, 0.5))
    assert snapshot_record(compared, {})["drift"] == [0, None, 1]
    of_constant_maps = snapshot_metrics(with_drift(make_snapshot(constant[None]), constant[None]))
    assert not {"drift", "overlap"} & of_constant_maps.keys()
