"""Scalars that summarise a snapshot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug.callbacks._logging.snapshot_metrics import snapshot_metrics
from camaug.metrics import centre_bias
from tests.callbacks._logging.make_snapshot import make_snapshot


def test_centre_bias_and_constant_maps_of_every_snapshot():
    maps = torch.zeros(2, 16, 16)
    maps[0, 4:12, 4:12] = 1
    metrics = snapshot_metrics(make_snapshot(maps))
    assert metrics["centre_bias"] == pytest.approx(float(centre_bias(maps).mean()))
    assert metrics["constant_maps"] == 0.5
    assert metrics["confidence"] == pytest.approx(0.7)
    assert metrics["border_energy"] == 0
    assert set(metrics) == {"border_energy", "centre_bias", "constant_maps", "confidence", "position_bias"}


def test_similarities_are_averaged_where_they_were_computed():
    snapshot = replace(
        make_snapshot(torch.rand(2, 16, 16)),
        class_similarity=torch.tensor([0.98, 0.5]),
        head_similarity=torch.tensor([0.98, -0.2]),
    )
    metrics = snapshot_metrics(snapshot)
    assert metrics["class_similarity"] == pytest.approx(0.74)
    assert metrics["head_similarity"] == pytest.approx(0.39)


def test_images_without_an_object_are_left_out_of_the_object_metrics():
    masks = torch.zeros(3, 16, 16, dtype=torch.bool)
    masks[1, :8] = True
    snapshot = replace(make_snapshot(torch.ones(3, 16, 16)), masks=masks)
    assert snapshot_metrics(snapshot)["object_energy"] == pytest.approx(0.5)
    assert "object_energy" not in snapshot_metrics(replace(snapshot, masks=masks & False))


def test_unlabelled_images_have_no_confidence():
    snapshot = replace(make_snapshot(torch.rand(2, 16, 16)), labels=[None, None])
    assert "confidence" not in snapshot_metrics(snapshot)
