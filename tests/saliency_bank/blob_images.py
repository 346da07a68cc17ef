"""A data set whose images show their own saliency maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import v2

from camaug.functional.masks import upsample

GRID = (6, 8)
TO_TENSOR = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]


def blob_map(index: int) -> np.ndarray:
    """Return a map with a bright patch of 2 × 3 cells whose position depends on the index."""
    small = np.zeros(GRID, dtype=np.uint8)
    row, column = index % 4, (2 * index) % 5
    small[row : row + 2, column : column + 3] = 255
    return small


class BlobImages(Dataset):
    """Images 192 × 256 that show their own map, enlarged, in every channel."""

    classes = ("a", "b")

    def __init__(self, transform: Any, size: int = 24) -> None:
        self.transform = transform
        self.targets = [index % 2 for index in range(size)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> dict[str, Any]:
        small = torch.from_numpy(blob_map(index))[None, None].float()
        grey = upsample(small, (192, 256))[0, 0].round().to(torch.uint8).numpy()
        image = Image.fromarray(np.stack([grey] * 3, axis=-1))
        return {"image": self.transform(image), "label": self.targets[index], "name": f"image {index}"}


CROP = v2.Compose([v2.RandomResizedCrop(128, scale=(0.4, 1.0)), v2.RandomHorizontalFlip(), *TO_TENSOR])
