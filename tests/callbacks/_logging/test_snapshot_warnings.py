"""Warnings about a snapshot that one can act on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug.callbacks._logging.snapshot_warnings import find_warnings
from tests.callbacks._logging.make_snapshot import make_snapshot

COUNT, SIDE = 12, 20


def spots(rows, columns) -> torch.Tensor:
    """Return maps with one bright square each, with its upper left corner at a row and a column."""
    maps = torch.full((len(rows), SIDE, SIDE), 0.01)
    for map_, row, column in zip(maps, rows, columns, strict=True):
        map_[row : row + 4, column : column + 4] = 1.0
    return maps


def scattered() -> torch.Tensor:
    """Return maps at different positions inside the image, that are symmetric together."""
    places = [(row, column) for row in (3, 8, 13) for column in (3, 8, 13)]
    return spots(*zip(*[*places, (8, 8), (3, 13), (13, 3)], strict=True))


def kinds(snapshot) -> list[str]:
    return [warning.kind for warning in find_warnings(snapshot)]


def test_heatmaps_that_follow_the_objects_have_no_warning():
    maps = scattered()
    snapshot = replace(make_snapshot(maps), masks=maps > 0.5)
    assert kinds(snapshot) == []


def test_the_same_prediction_for_images_of_several_classes():
    snapshot = replace(make_snapshot(scattered()), labels=[0, 1] * (COUNT // 2))
    (warning,) = find_warnings(snapshot)
    assert (warning.kind, warning.value, list(warning.positions)) == ("same prediction", 0.0, list(range(COUNT)))
    assert "12 images of 2 classes" in warning.measured
    probabilities = snapshot.probabilities.clone()
    probabilities[3] = torch.tensor([0.6999, 0.3001])
    assert kinds(replace(snapshot, probabilities=probabilities)) == []
    assert kinds(replace(snapshot, probabilities=torch.full_like(probabilities, torch.nan))) == ["logits not finite"]


def test_the_same_position_in_all_images():
    maps = spots([2] * COUNT, [2] * COUNT)
    maps[5] = spots([12], [12])[0]
    (warning, *_) = find_warnings(make_snapshot(maps))
    assert warning.kind == "same position"
    assert "top left" in warning.measured
    assert warning.positions[-1] == 5  # the one image that does not show it comes last


def test_attention_to_the_border():
    maps = scattered()
    maps[:4] = 0.0
    maps[:4, 0] = 1.0
    (warning,) = [one for one in find_warnings(make_snapshot(maps)) if one.kind == "border"]
    assert sorted(warning.positions) == [0, 1, 2, 3]
    assert warning.measured.startswith("4 of 12 heatmaps have at least 60% of their energy in the outer tenth")


def test_two_of_twelve_images_are_too_few_for_a_warning():
    maps = scattered()
    maps[:2] = 0.0
    maps[:2, 0] = 1.0
    assert kinds(make_snapshot(maps)) == []


def test_attention_beside_the_objects():
    maps = scattered()
    masks = maps > 0.5
    masks[:5] = masks[:5].flip(1).roll(7, 2)
    masks[11] = False  # an image without an object
    snapshot = replace(make_snapshot(maps), masks=masks)
    (warning,) = find_warnings(snapshot)
    assert warning.kind == "beside objects"
    assert "of 11 heatmaps" in warning.measured
    assert set(warning.positions) <= set(range(5))


@pytest.mark.parametrize(("field", "kind"), [
    ("class_similarity", "ignores the class"),
    ("head_similarity", "ignores the head"),
])  # fmt: skip
def test_heatmaps_that_other_classes_or_random_weights_leave_unchanged(field, kind):
    similarity = torch.zeros(COUNT)
    similarity[[2, 7, 9]] = 0.995
    (warning,) = find_warnings(replace(make_snapshot(scattered()), **{field: similarity}))
    assert (warning.kind, warning.positions) == (kind, [2, 7, 9])
    assert warning.value == pytest.approx(3 / 12)
    assert "Try another explainer" in warning.remedy


def test_a_record_has_the_indices_of_the_images():
    maps = scattered()
    maps[:4] = 0.0
    snapshot = replace(make_snapshot(maps), indices=[100 + position for position in range(COUNT)])
    (record,) = [one.record(snapshot) for one in find_warnings(snapshot)]
    assert record["kind"] == "constant map"
    assert record["positions"] == [100, 101, 102, 103]


def test_maps_that_are_not_finite_are_no_error():
    maps = scattered()
    maps[:] = torch.nan
    probabilities = torch.full((COUNT, 2), torch.nan)
    assert kinds(replace(make_snapshot(maps, probabilities), masks=maps > 0)) == ["logits not finite"]
