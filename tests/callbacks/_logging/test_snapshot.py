"""A snapshot."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.callbacks._logging.make_snapshot import make_snapshot


def test_several_labels_must_be_predicted_and_no_other_class():
    probabilities = torch.tensor([[0.9, 0.6, 0.1], [0.9, 0.4, 0.1], [0.9, 0.6, 0.7], [0.9, 0.6, 0.1]])
    snapshot = replace(
        make_snapshot(torch.rand(4, 16, 16), probabilities),
        labels=[0, 0, 0, None],
        positives=[(0, 1), (0, 1), (0, 1), ()],
        has_several=True,
    )
    assert [snapshot.is_correct(position) for position in range(4)] == [True, False, False, False]
    assert [snapshot.missed(position) for position in range(4)] == [[], [1], [], []]
    assert [snapshot.false_positives(position) for position in range(4)] == [[], [], [2], []]


def test_the_map_of_the_predicted_class_comes_first():
    maps = torch.rand(2, 16, 16)
    single = replace(make_snapshot(maps), labels=[0, 1], true_maps=1 - maps)
    assert [list(single.class_maps(position)) for position in range(2)] == [[0], [0, 1]]
    assert torch.equal(single.class_maps(1)[1], 1 - maps[1])
    several = replace(single, has_several=True, label_maps=[{1: maps[1]}, {}])
    assert [list(several.class_maps(position)) for position in range(2)] == [[0, 1], [0]]


def test_a_prediction_is_correct_if_its_label_is_known_and_the_same():
    snapshot = replace(make_snapshot(torch.rand(3, 16, 16)), labels=[0, 1, None])
    assert [snapshot.is_correct(position) for position in range(3)] == [True, False, False]
