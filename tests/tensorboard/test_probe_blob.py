"""A probe blob is equal after encoding and decoding."""

from __future__ import annotations

import json

from camaug.tensorboard.map_compression import compress_maps
from camaug.tensorboard.probe_blob import ProbeBlob
from tests.tensorboard.conftest import upsampled_maps


def test_a_probe_blob_is_equal_after_encoding_and_decoding():
    predicted, true = compress_maps(upsampled_maps((3, 6), (24, 24), 2), (3, 6))
    record = {"id": 12, "top": [[1, 0.5]], "name": "</script>\n\ud800\x00", "drift": None}
    for blob in (ProbeBlob(record, predicted, true), ProbeBlob(record, predicted, None)):
        content = blob.to_bytes()
        assert ProbeBlob.from_bytes(content) == blob
        assert json.loads(content.partition(b"\n")[0])["record"] == record
