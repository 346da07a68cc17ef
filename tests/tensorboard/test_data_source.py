"""Responses from runs that were logged in format 2, and from runs whose images have several labels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.utils.tensorboard import SummaryWriter

from camaug.tensorboard.blobs import BlobTag, add_blob, to_json
from camaug.tensorboard.map_compression import compress_maps
from tests.tensorboard.conftest import decode_map, make_snapshot, upsampled_maps, write_run

SERIES = {"run": ".", "prefix": "cam", "method": "grad-cam"}
FORMAT_2 = {"format": 2, "epoch": 0, "step": 7, "method": "grad-cam", "settings": "", "layer": "layer4"}
FIELDS = ("confidence", "drift", "object_energy", "warning", "top_classes")


def test_a_run_of_format_2_opens(tmp_path, serve):
    """Three images: wrong, right and unlabelled. Only the wrong one has the map of its first label, too."""
    labels, predicted = [[1, 2], [0, 2], []], [0, 0, 0]
    maps = upsampled_maps((3, 6), (24, 24), 4)
    stored = iter(compress_maps(maps, (3, 6)))
    with SummaryWriter(tmp_path) as writer:
        for index, classes in enumerate(labels):
            packed = [next(stored).pack() for _ in range(2 if index == 0 else 1)]
            record = {**FORMAT_2, "id": index, "labels": classes, "predicted": 0}
            header = {"format": 2, "maps": [map_header for map_header, _ in packed], "record": record}
            blob = to_json(header) + b"\n" + b"".join(content for _, content in packed)
            add_blob(writer, BlobTag("cam", "grad-cam", str(index)), blob, 7)
        record = {**FORMAT_2, "ids": [0, 1, 2], "labels": labels, "predicted": predicted, "metrics": {}}
        record |= {"true_confidences": [[0.2, 0.1], [0.7, 0.2], []], **dict.fromkeys(FIELDS, [None] * 3)}
        add_blob(writer, BlobTag("cam", "grad-cam", "snapshots"), to_json(record), 7)
        add_blob(writer, BlobTag("cam", "grad-cam", "classes"), to_json({"format": 2, "classes": None}), 7)
    tab = serve(tmp_path)
    snapshots = tab.fetch("snapshots", **SERIES)
    assert snapshots["snapshots"]["correct"] == [[False, True, None]]
    assert not snapshots["multi_label"]
    response = tab.fetch("maps", **SERIES, probe=["0", "1", "2"])
    assert response["errors"] == {}
    assert [response["maps"][probe]["classes"] for probe in "012"] == [[[0, 1]], [[0]], [[0]]]
    for probe, class_index, expected in (("0", 0, 0), ("0", 1, 1), ("1", 0, 2), ("2", 0, 3)):
        assert (decode_map(response["maps"][probe], 0, class_index) - maps[expected]).abs().max() <= 1 / 255


def test_images_with_several_labels_have_a_map_of_each(tmp_path, serve):
    snapshot = make_snapshot(0)
    maps = upsampled_maps((3, 6), (24, 24), 2, seed=5)
    several = replace(
        snapshot,
        probabilities=torch.tensor([[0.9, 0.8, 0.3]]).expand(4, 3),
        predicted=torch.zeros(4, dtype=torch.int64),
        positives=[(0, 2), (0, 1), (2,), ()],
        has_several=True,
        label_maps=[{2: maps[0], 1: maps[1]}, {1: maps[1]}, {2: maps[0]}, {}],
    )
    write_run(tmp_path, [snapshot, several], method="grad-cam")
    tab = serve(tmp_path)
    response = tab.fetch("snapshots", **SERIES)
    values = response["snapshots"]
    assert response["multi_label"]
    assert values["correct"][1] == [False, True, False, None]
    assert values["missed"] == [[None] * 4, [[2], [], [2], []]]
    assert values["false_positives"][1] == [[[1, 0.8]], [], [[0, 0.9], [1, 0.8]], []]
    assert values["false_positive_count"] == [[None] * 4, [1, 0, 2, 0]]
    classes = [
        tab.fetch("maps", **SERIES, probe=probe)["maps"][probe]["classes"][1] for probe in ("0", "10", "20", "30")
    ]
    assert classes == [[0, 2, 1], [0, 1], [0, 2], [0]]
    first = tab.fetch("maps", **SERIES, probe=0)["maps"]["0"]
    assert (decode_map(first, 1, 2) - maps[0]).abs().max() <= 1 / 255
    assert (decode_map(first, 1, 1) - maps[1]).abs().max() <= 1 / 255
