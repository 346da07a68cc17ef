"""Blob of a snapshot's mistakes."""

from __future__ import annotations

import pytest

from camaug.tensorboard.mistakes_blob import MistakeImage, MistakesBlob
from camaug.tensorboard.stored_map import StoredMap

MAP = StoredMap(3, 2, -0.1, 1.0, bytes([0, 50, 100, 150, 200, 255]))
BLOB = MistakesBlob([MistakeImage([4, 0], [MAP, MAP], b"jpeg\n{}"), MistakeImage([1], [MAP], b"")])


def test_a_blob_survives_encoding():
    assert MistakesBlob.from_bytes(BLOB.to_bytes()) == BLOB


def test_a_blob_without_images_survives_encoding():
    assert MistakesBlob.from_bytes(MistakesBlob([]).to_bytes()) == MistakesBlob([])


@pytest.mark.parametrize("length", [-1, -8])
def test_a_truncated_blob_is_refused(length):
    with pytest.raises(ValueError, match=r"incomplete|expected a map"):
        MistakesBlob.from_bytes(BLOB.to_bytes()[:length])


def test_a_blob_of_another_format_is_refused():
    with pytest.raises(ValueError, match="was logged in format 1"):
        MistakesBlob.from_bytes(b'{"format": 1, "images": []}\n')
