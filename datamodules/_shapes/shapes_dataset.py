"""`ShapesDataset`, images of shapes drawn on demand, with the mask and the box of each shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..labelled_dataset import LabelledDataset, Split
from .scene import draw_scene, object_coverage, sample_pose
from .signed_distances import SHAPES
from .textures import BACKGROUNDS

__all__ = ["ShapesDataset"]

_SPLIT_CODES: dict[Split, int] = {"train": 0, "val": 1, "test": 2}
# Fourth number of a generator's key. The images' keys have three numbers, which is the same as a fourth of 0.
_LABELS, _BACKGROUNDS = 1, 2


class ShapesDataset(LabelledDataset):
    """Drawn images, each labelled by its shape.

    Image `index` is a function of the seed, the split and the index alone: the same in every process, at every size of
    the data set. The classes are balanced. With the probability `background_bias` an image of class k has the
    background family k; its shape has the class, position, size and rotation of the unbiased image.

    Args:
        size: Number of images.
        transform: From an RGB PIL image to a float32 tensor (3, H, W).
        image_size: Height and width of the images in pixels.
        num_classes: Number of shapes.
        split: "train", "val" or "test", three sets of different images.
        background_bias: Probability that the background reveals the class, from 0 to 1.
        seed: Seed of the images; different seeds give different data sets.

    Attributes:
        classes: Name of each class, in the order of the labels.
        targets: Label of each image.
        backgrounds: Name of each image's background family.

    Raises:
        ValueError: If an argument is impossible.
    """

    def __init__(
        self,
        size: int,
        transform: Callable[[Any], torch.Tensor],
        image_size: int = 96,
        num_classes: int = 6,
        split: Split = "train",
        background_bias: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 2 <= num_classes <= len(SHAPES):
            raise ValueError(
                f"`num_classes` must be between 2 and the {len(SHAPES)} shapes there are, got {num_classes}"
            )
        if size < num_classes:
            raise ValueError(f"the {split} split needs an image of each of its {num_classes} classes, got size {size}")
        if image_size < 32:
            raise ValueError(
                f"`image_size` must be at least 32 pixels for the shapes to be distinguishable, got {image_size}"
            )
        if split not in _SPLIT_CODES:
            raise ValueError(f"`split` is one of {', '.join(_SPLIT_CODES)}, got {split!r}")
        if not 0 <= background_bias <= 1:
            raise ValueError(f"`background_bias` is a probability, between 0 and 1, got {background_bias}")
        if seed < 0:
            raise ValueError(f"`seed` must be 0 or more, got {seed}")
        self.transform = transform
        self.image_size = image_size
        self.classes = list(SHAPES)[:num_classes]
        self._key = (seed, _SPLIT_CODES[split])
        self.targets = _balanced_labels(size, num_classes, self._key)
        self.backgrounds = _background_names(self.targets, background_bias, self._key)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        label = self.targets[index]
        scene = draw_scene(self._rng(index), self.classes[label], self.backgrounds[index], self.image_size)
        return self.transform(Image.fromarray(scene.image)), label

    def object_mask(self, index: int) -> torch.Tensor:
        """Return the mask of the shape in image `index` before augmentation, bool (H, W)."""
        pose = sample_pose(self._rng(index), self.image_size)
        return torch.from_numpy(object_coverage(self.classes[self.targets[index]], pose, self.image_size) > 0.5)

    def object_box(self, index: int) -> tuple[int, int, int, int]:
        """Return the smallest box around the mask, `(x0, y0, x1, y1)` in pixels, x1 and y1 exclusive."""
        rows, columns = torch.nonzero(self.object_mask(index), as_tuple=True)
        return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng([*self._key, range(len(self))[index]])  # index -1 is the last image


def _balanced_labels(size: int, num_classes: int, key: tuple[int, int]) -> list[int]:
    """Draw labels: rounds of every class once, in random order, so that a larger data set begins like a smaller one."""
    rounds = -(-size // num_classes)
    labels = np.random.default_rng([*key, 0, _LABELS]).permuted(np.tile(np.arange(num_classes), (rounds, 1)), axis=1)
    return [int(label) for label in labels.ravel()[:size]]


def _background_names(targets: list[int], bias: float, key: tuple[int, int]) -> list[str]:
    """Draw each image's background family: with probability `bias` the family of its class, else any."""
    names = list(BACKGROUNDS)
    draws = np.random.default_rng([*key, 0, _BACKGROUNDS]).uniform(size=(len(targets), 2))
    return [
        names[label % len(names)] if biased < bias else names[int(free * len(names))]
        for label, (biased, free) in zip(targets, draws, strict=True)
    ]
