"""Tags are parsed, and JSON records are strict."""

from __future__ import annotations

import pytest

from camaug.tensorboard.blobs import BlobTag, from_json, to_json


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        to_json({"confidence": float("nan")})


def test_another_format_version_is_an_error():
    with pytest.raises(
        ValueError, match=r"format 1 of the camaug tab, and this version of camaug reads the formats 2 and 3"
    ):
        from_json(b'{"format": 1}')


def test_only_the_tags_of_the_plugin_are_parsed():
    assert BlobTag.parse("camaug/cam/my/method/7") == ("cam", "my/method", "7")
    assert BlobTag.parse("camaug/cam/original/7").method == "original"
    assert [BlobTag.parse(tag) for tag in ("cam/left/7", "camaug/cam/7", "camaug", "")] == [None] * 4
