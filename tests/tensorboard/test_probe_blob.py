"""A probe blob is equal after encoding and decoding, and blobs of format 2 are still read."""

from __future__ import annotations

import json

import pytest

from camaug.tensorboard.blobs import to_json
from camaug.tensorboard.map_compression import compress_maps
from camaug.tensorboard.probe_blob import ClassMap, ProbeBlob
from camaug.tensorboard.stored_map import StoredMap
from tests.tensorboard.conftest import upsampled_maps


def test_a_probe_blob_is_equal_after_encoding_and_decoding():
    maps = [
        ClassMap(5 - 2 * i, one) for i, one in enumerate(compress_maps(upsampled_maps((3, 6), (24, 24), 3), (3, 6)))
    ]
    record = {"id": 12, "top": [[1, 0.5]], "name": "</script>\n\ud800\x00", "drift": None}
    for count in (1, 2, 3):
        blob = ProbeBlob(record, tuple(maps[:count]))
        content = blob.to_bytes()
        assert ProbeBlob.from_bytes(content) == blob
        assert ProbeBlob.from_bytes(content).classes == [5, 3, 1][:count]
        assert json.loads(content.partition(b"\n")[0])["record"] == record


@pytest.mark.parametrize(("is_wrong", "classes"), [(False, [2]), (True, [2, 4])])
def test_blobs_of_format_2_are_read(is_wrong, classes):
    """Format 2 had the predicted class's map and, if that was wrong, the map of the first label."""
    maps = compress_maps(upsampled_maps((3, 6), (24, 24), 2), (3, 6))[: len(classes)]
    packed = [one.pack() for one in maps]
    record = {"id": 12, "predicted": 2, "labels": [4, 5] if is_wrong else [2, 5]}
    header = {"format": 2, "maps": [map_header for map_header, _ in packed], "record": record}
    content = to_json(header) + b"\n" + b"".join(values for _, values in packed)
    expected = ProbeBlob(record, tuple(map(ClassMap, classes, maps)))
    assert ProbeBlob.from_bytes(content) == expected


@pytest.mark.parametrize(
    ("classes", "widths", "message"),
    [
        ([], [], r"has no map, expected one map or several of one size"),
        ([1, 2], [2, 3], r"maps of the sizes \[\(2, 1\), \(3, 1\)\], expected one map or several of one size"),
        ([1, 1], [2, 2], r"maps of the classes \[1, 1\], expected each once"),
    ],
)
def test_maps_of_an_image_have_one_size_and_different_classes(classes, widths, message):
    maps = [
        ClassMap(label, StoredMap(width, 1, 0, 1, bytes(width))) for label, width in zip(classes, widths, strict=True)
    ]
    with pytest.raises(ValueError, match=message):
        ProbeBlob({}, maps)
