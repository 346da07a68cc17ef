"""Drawn images that the examples train on where no photos are given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.utils.data import Dataset

SIZE = 96  # height and width of the images, in pixels
WIDTH_ALONE, WIDTH = 56, 28  # of one shape, and of each of several, in pixels


class Drawings(Dataset[tuple[Tensor, int | Tensor]]):
    """Noise with a disc, a square or a ring of any colour, or with several of them.

    Args:
        count: Number of images.
        seed: Seed of the images; different seeds give different images.
        transform: From an RGB PIL image to a float tensor (3, H, W).
        several: False for one shape an image, whose index is the label. True for any of the shapes, each with a
            probability of one half; the label is then a float row with a 1 for each shape that is drawn, (3,).
    """

    classes = ("disc", "square", "ring")

    def __init__(
        self, count: int, seed: int, transform: Callable[[Image.Image], Tensor], several: bool = False
    ) -> None:
        self.count = count
        self.seed = seed
        self.transform = transform
        self.several = several

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        if not 0 <= index < self.count:
            raise IndexError(f"index must be from 0 to {self.count - 1}, got {index}")
        random = torch.Generator().manual_seed(1_000_000 * self.seed + index)
        label = index % len(self.classes)
        drawn = torch.rand(3, generator=random) > 0.5 if self.several else torch.arange(3) == label
        noise = torch.randint(90, 166, (SIZE, SIZE, 3), generator=random, dtype=torch.uint8)
        image = Image.fromarray(noise.numpy())
        width = WIDTH if self.several else WIDTH_ALONE
        columns = torch.randperm(3, generator=random).tolist()  # so that no shape hides another
        for name, column, is_drawn in zip(self.classes, columns, drawn.tolist(), strict=True):
            left, top = torch.randint(SIZE - width, (2,), generator=random).tolist()
            red, green, blue = torch.randint(256, (3,), generator=random).tolist()
            if is_drawn:
                corner = (column * SIZE // 3 + 2 if self.several else left, top)
                draw_shape(ImageDraw.Draw(image), name, corner, width, (red, green, blue))
        return self.transform(image), drawn.float() if self.several else label


def draw_shape(
    draw: ImageDraw.ImageDraw, name: str, corner: tuple[int, int], width: int, colour: tuple[int, int, int]
) -> None:
    """Draw a shape.

    Args:
        draw: The image to draw into.
        name: "disc", "square" or "ring".
        corner: Left and top, in pixels.
        width: Width and height, in pixels.
        colour: Red, green and blue, from 0 to 255.
    """
    left, top = corner
    box = (left, top, left + width, top + width)
    if name == "square":
        draw.rectangle(box, fill=colour)
    else:
        draw.ellipse(box, outline=colour, width=width // 4, fill=colour if name == "disc" else None)
