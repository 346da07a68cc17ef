"""Image folders of the tests, and data modules of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from camaug.datamodules import ImageFolderDataModule


def noise(seed: int = 0, size: int = 64) -> Image.Image:
    """Return an image of noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def cut_off(path: Path, share: float = 0.6) -> Path:
    """Keep only the first bytes of a file."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def folder_module(root: Path, **settings) -> ImageFolderDataModule:
    """Return a data module of small images and batches."""
    return ImageFolderDataModule(str(root), **{"batch_size": 4, "image_size": 32, "num_workers": 0, **settings})


def split_paths(data: ImageFolderDataModule, split: str) -> list[str]:
    """Return the paths of the images of a split."""
    return [path for path, _ in data.dataset(split).samples]
