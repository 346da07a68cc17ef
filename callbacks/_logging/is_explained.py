"""Check for results of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from camaug.single_image.photo_names import PhotoNames

__all__ = ["is_explained"]


def is_explained(photo: str, names: PhotoNames, directory: Path, settings: Mapping[str, Any], suffix: str = "") -> bool:
    """Return True if a photo has all of its results and they were made from the same photo with the same settings.

    Args:
        photo: Path of the photo.
        names: Names of the photos and their results.
        directory: Directory of the results.
        settings: Everything but the photo that a result depends on, in JSON's types.
        suffix: What follows the photo's name in the names of its results.
    """
    record_file = directory / f"{names.output(photo)}{suffix}.json"
    try:
        record = json.loads(record_file.read_text(encoding="utf-8"))
        files = [record_file.with_name(name) for name in record["files"].values()]
        is_same = {**record, **settings, "photo": names.record(photo)} == record
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # missing, or not written by CamWriter
        return False
    return is_same and all(file.is_file() for file in files)
