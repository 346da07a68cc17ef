"""Snapshots of twelve images whose heatmaps give reason for warnings."""

from __future__ import annotations

from dataclasses import replace

import torch

from camaug.callbacks._logging.snapshot import Snapshot
from tests.tensorboard.conftest import SIZE, make_snapshot

COUNT = 12
SPOT = 5  # side of the bright square of a heatmap, in pixels
SPOTS = [(row, column) for row in (4, 9, 14) for column in (4, 9, 14)] + [(9, 9), (4, 14), (14, 4)]


def snapshot_without_warning(epoch: int) -> Snapshot:
    """Return a snapshot whose heatmaps have one bright square each, on the object and inside the image."""
    maps = _spots(SPOTS)
    return replace(make_snapshot(epoch, COUNT), maps=maps, true_maps=maps, masks=maps > 0.5, grid=(SIZE, SIZE))


def attend_to_border(snapshot: Snapshot, count: int) -> Snapshot:
    """Let the first heatmaps have their energy in the outermost row, with their objects below it."""
    maps = snapshot.maps.clone()
    maps[:count] = 0.0
    maps[:count, 0] = 1.0
    masks = snapshot.masks.clone()
    masks[:count, 0] = True
    return replace(snapshot, maps=maps, true_maps=maps, masks=masks)


def attend_to_one_position(snapshot: Snapshot) -> Snapshot:
    """Let all heatmaps have their bright square at the top left, where the objects are."""
    maps = _spots([(3, 3)] * COUNT)
    return replace(snapshot, maps=maps, true_maps=maps, masks=maps > 0.5)


def attend_beside_objects(snapshot: Snapshot, count: int) -> Snapshot:
    """Let the objects of the last images be where their heatmaps are dark."""
    masks = snapshot.masks.clone()
    masks[-count:] = snapshot.maps[-count:] < 0.5
    return replace(snapshot, masks=masks)


def ignore_class(snapshot: Snapshot, count: int) -> Snapshot:
    """Let the heatmaps of the first images be the same for the runner-up class."""
    similarity = torch.zeros(COUNT)
    similarity[:count] = 1.0
    return replace(snapshot, class_similarity=similarity)


def _spots(corners) -> torch.Tensor:
    maps = torch.full((COUNT, SIZE, SIZE), 0.01)
    for map_, (row, column) in zip(maps, corners, strict=True):
        map_[row : row + SPOT, column : column + SPOT] = 1.0
    return maps
