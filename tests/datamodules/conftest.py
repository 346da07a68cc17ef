"""Small images on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


def save_image(path: Path, seed: int = 0, size: tuple[int, int] = (40, 32)) -> Path:
    """Save an image of noise, which compresses badly, so that cutting the file off removes pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that makes class folders: `make_folder("train", ["ant", "bee"], count=3)`."""

    def make(name: str = ".", classes: Sequence[str] = ("ant", "bee"), count: int = 5, suffix: str = ".jpg") -> Path:
        for label, cls in enumerate(classes):
            for index in range(count):
                save_image(tmp_path / name / cls / f"{index:03d}{suffix}", seed=100 * label + index)
        return tmp_path

    return make
