"""A snapshot."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.callbacks._logging.make_snapshot import make_snapshot


def test_a_prediction_is_correct_if_its_label_is_known_and_the_same():
    snapshot = replace(make_snapshot(torch.rand(3, 16, 16)), labels=[0, 1, None])
    assert [snapshot.is_correct(position) for position in range(3)] == [True, False, False]
