"""Numbers of things in messages."""

from __future__ import annotations

import pytest

from camaug.utils.counted import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 images"), (1, "1 image"), (12345, "12,345 images")])
def test_one_thing_is_singular(count, text):
    assert counted(count, "image") == text


def test_an_irregular_plural_is_given():
    assert counted(3, "class", "classes") == "3 classes"
