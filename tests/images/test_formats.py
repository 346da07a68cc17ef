"""Formats that can be read here."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from camaug.images import formats


@pytest.fixture
def fresh():
    """Clear what is remembered about installed plugins, before and after a test."""
    functions = (formats.register_plugins, formats.image_suffixes, formats.unread_suffixes)
    for function in functions:
        function.cache_clear()
    yield
    for function in functions:
        function.cache_clear()


def test_every_usual_format_is_read():
    assert {".jpg", ".png", ".tif", ".webp", ".gif", ".jfif"} <= set(formats.image_suffixes())
    assert not set(formats.image_suffixes()) & set(formats.unread_suffixes())


@pytest.mark.usefixtures("fresh")
def test_an_installed_plugin_is_used(monkeypatch):
    def register() -> None:
        monkeypatch.setitem(Image.EXTENSION, ".heic", "HEIF")

    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=register))
    assert ".heic" in formats.image_suffixes()
    assert ".heic" not in formats.unread_suffixes()


@pytest.mark.usefixtures("fresh")
def test_without_a_plugin_its_package_is_named(monkeypatch):
    monkeypatch.setattr(Image, "EXTENSION", {".avif": "AVIF"})
    monkeypatch.setattr(Image, "init", lambda: True)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert ".avif" in formats.image_suffixes()
    assert formats.describe_unread({".heic": 3, ".jxl": 1, ".nef": 2}) == (
        "3 .heic files are left out: pip install pillow-heif; 1 .jxl file is left out: pip install pillow-jxl-plugin; "
        "2 .nef files are left out: convert them to PNG or TIFF"
    )
    assert formats.describe_unread({}) == ""
