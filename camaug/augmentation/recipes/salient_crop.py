"""Recipe that enlarges a random crop with much of the saliency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.augmentation.cheap_explainer import cheap_explainer
from camaug.augmentation.recipe import Recipe, RecipeParams, Regions
from camaug.augmentation.recipe_registry import register_recipe
from camaug.explainers import Explainer
from camaug.functional.boxes import box_masks, box_shares, resized_crops, whole_image_box
from camaug.utils.check_fraction import check_fraction
from camaug.utils.copied_to import copied_to

__all__ = ["SalientCrop"]


@register_recipe("salient-crop")
@dataclass(frozen=True)
class SalientCrop(Recipe):
    """A random crop that contains a given share of the map's energy, enlarged to the image's size.

    Of ``tries`` crops, drawn as by torchvision's ``RandomResizedCrop``, the first that contains ``mass`` is taken, or
    else the one that contains most.

    Args:
        mass: Least share of the map's energy inside the crop, in [0, 1].
        scale: Least and largest share of the image's area.
        ratio: Least and largest aspect ratio, width by height.
        tries: Number of crops to choose from.
    """

    control: ClassVar[str | None] = "random-crop"
    evidence = (
        "nothing is shown: it did not differ from random crops in this project's comparison, docs/augmentation.md "
        "has the evidence"
    )

    mass: float = 0.6
    scale: tuple[float, float] = (0.3, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    tries: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction("mass", self.mass)
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"`scale` must be two shares of the area in ascending order, in (0, 1], got {self.scale}")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"`ratio` must be two positive aspect ratios in ascending order, got {self.ratio}")
        if self.tries < 1:
            raise ValueError(f"`tries` must be at least 1, got {self.tries}")

    def explainer(self) -> Explainer:
        """Return Grad-CAM."""
        return cheap_explainer()

    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks of random regions."""
        return self.regions(maps).masks

    def regions(self, maps: Tensor) -> Regions:
        """Return the crops, and the whole image where a map is empty, as masks and as boxes (M, 1, 4)."""
        count, height, width = maps.shape
        candidates = copied_to(self._draw(count, height, width), maps.device)
        scores = self.scores(box_shares(maps, candidates))
        is_good = scores >= self.mass
        best = torch.where(is_good.any(dim=1), is_good.int().argmax(dim=1), scores.argmax(dim=1))
        boxes = candidates.gather(1, best[:, None, None].expand(-1, 1, 4))
        whole = whole_image_box((height, width), maps.device)
        is_empty = maps.flatten(1).sum(dim=1) <= 0
        boxes = torch.where(is_empty[:, None, None] & self.needs_maps, whole, boxes)
        return Regions(box_masks(boxes[:, 0], (height, width)), boxes)

    def scores(self, shares: Tensor) -> Tensor:
        """Return how good crops are, (M, tries), of the shares of the maps' energy inside them."""
        return shares

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the enlarged crops, (M, C, H, W)."""
        assert params.regions.boxes is not None, "regions() makes them"
        crops = params.regions.boxes[:, 0].float()
        whole = whole_image_box((images.shape[2], images.shape[3]), images.device).to(crops).expand_as(crops)
        return resized_crops(images, whole.lerp(crops, params.strength))

    def _draw(self, count: int, height: int, width: int) -> Tensor:
        """Draw the boxes to choose from, (count, tries, 4)."""
        shape = (count, self.tries)
        area = height * width * torch.empty(shape, device="cpu").uniform_(*self.scale)
        ratio = torch.empty(shape, device="cpu").uniform_(math.log(self.ratio[0]), math.log(self.ratio[1])).exp()
        rows = (area / ratio).sqrt().round().clamp(1, height)
        columns = (area * ratio).sqrt().round().clamp(1, width)
        top = (torch.rand(shape, device="cpu") * (height - rows + 1)).floor()
        left = (torch.rand(shape, device="cpu") * (width - columns + 1)).floor()
        return torch.stack([top, left, rows, columns], dim=-1).long()
