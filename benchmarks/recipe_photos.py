"""Photos with or without a shortcut: a square in the colour of the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import pil_to_tensor

from benchmarks.subjects import DATA

__all__ = [
    "CROP",
    "SPLITS",
    "Photos",
    "centre_crop",
    "draw_training_set",
    "load_photos",
    "paint_marks",
    "random_crops",
    "to_input",
]

Indices = npt.NDArray[np.int64]
SIDE, CROP, MARK = 144, 128, 24
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MARGIN = 12  # distance of the square from the border, so that every crop contains most of it
POOL = 160  # training images of a class that may be drawn
SPLITS = {"clothing": ("val", "test"), "hymenoptera": ("val",)}  # to evaluate on, nothing is chosen by the last one
MARKED_SHARE = 0.95
COLOURS = torch.tensor(
    [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 0],
        [255, 0, 255],
        [0, 255, 255],
        [255, 127, 0],
        [127, 0, 255],
        [0, 127, 63],
        [255, 153, 178],
    ],
    dtype=torch.uint8,
)


@dataclass(frozen=True)
class Photos:
    """Photos of one split.

    Attributes:
        images: Pixels (N, 3, 144, 144), uint8.
        labels: Class indices (N,).
    """

    images: Tensor
    labels: Tensor


@cache
def load_photos(data: str, split: str, per_class: int | None = None) -> Photos:
    """Load a split of a set of photos, or only the first images of each class."""
    paths, labels = _listed(data, split)
    chosen = np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)])
    return _decoded(paths, labels, chosen)


def draw_training_set(data: str, per_class: int, marked: bool, generator: torch.Generator) -> Photos:
    """Draw the training images of one seed, of which nearly all are marked with the right colour if ``marked``."""
    paths, labels = _listed(data, "train")
    pool = _pool(labels)
    chosen = np.concatenate([_draw(pool[labels[pool] == label], per_class, generator) for label in np.unique(labels)])
    photos = _decoded(paths, labels, chosen)
    if not marked:
        return photos
    is_marked = torch.rand(len(chosen), generator=generator) < MARKED_SHARE
    images, _ = paint_marks(photos.images, torch.where(is_marked, photos.labels, -1), generator)
    return Photos(images, photos.labels)


def paint_marks(images: Tensor, colours: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paint a square at a random position of each image.

    Args:
        images: Pixels (N, 3, H, W), uint8.
        colours: Index of each square's colour (N,); a negative index leaves the image as it is.
        generator: Source of the positions.

    Returns:
        The marked images and the masks of their squares, bool (N, H, W).
    """
    images = images.clone()
    masks = torch.zeros(len(images), *images.shape[2:], dtype=torch.bool)
    for index, colour in enumerate(colours.tolist()):
        top, left = (int(torch.randint(MARGIN, SIDE - MARGIN - MARK, (), generator=generator)) for _ in range(2))
        if colour >= 0:
            images[index, :, top : top + MARK, left : left + MARK] = COLOURS[colour][:, None, None]
            masks[index, top : top + MARK, left : left + MARK] = True
    return images, masks


def random_crops(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random crop of each image (N, 3, 128, 128), flipped left to right with probability 0.5."""
    device, count = images.device, len(images)
    tops, lefts = (torch.randint(0, SIDE - CROP + 1, (count,), generator=generator).to(device) for _ in range(2))
    is_flipped = (torch.rand(count, generator=generator) < 0.5).to(device)
    offsets = torch.arange(CROP, device=device)
    rows = tops[:, None] + offsets
    columns = lefts[:, None] + torch.where(is_flipped[:, None], CROP - 1 - offsets, offsets)
    image, channel = torch.arange(count, device=device), torch.arange(3, device=device)
    return images[image[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def centre_crop(images: Tensor) -> Tensor:
    """Return the central crop (..., 128, 128) of images or masks."""
    offset = (SIDE - CROP) // 2
    return images[..., offset : offset + CROP, offset : offset + CROP]


def to_input(images: Tensor, model: str) -> Tensor:
    """Convert pixels to the input of a model: in [-1, 1] for EfficientNet-Lite0, normalised as ImageNet for others."""
    if model == "tf_efficientnet_lite0":
        return images.float() / 127.5 - 1
    mean, std = (images.new_tensor(each, dtype=torch.float32)[:, None, None] for each in (MEAN, STD))
    return (images.float() / 255 - mean) / std


@cache
def _listed(data: str, split: str) -> tuple[Sequence[str], Indices]:
    paths, labels = zip(*ImageFolder(DATA / data / split).samples, strict=True)
    return paths, np.array(labels)


def _pool(labels: Indices) -> Indices:
    """Return the indices of at most ``POOL`` training images of each class, the same in every run."""
    generator = np.random.default_rng(0)
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.concatenate([np.sort(indices[generator.permutation(len(indices))[:POOL]]) for indices in by_class])


def _draw(indices: Indices, count: int, generator: torch.Generator) -> Indices:
    order = torch.randperm(len(indices), generator=generator)
    return np.take(indices, order[:count].numpy())


def _decoded(paths: Sequence[str], labels: Indices, chosen: Indices) -> Photos:
    images = torch.stack([_read_square(Path(paths[index])) for index in chosen])
    return Photos(images, torch.from_numpy(labels[chosen]).long())


@cache
def _read_square(path: Path) -> Tensor:
    """Read the central square of a photo, (3, 144, 144)."""
    square = ImageOps.fit(Image.open(path).convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels: Tensor = pil_to_tensor(square)
    return pixels
