"""Control of the recipe ``keep-salient``: maps of other images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe
from camaug.functional.masks import binarise

__all__ = ["ShuffledMaps"]


@register_recipe("shuffled-maps")
@dataclass(frozen=True)
class ShuffledMaps(Recipe):
    """Blur of the pixels that are not salient in the previous image of the batch."""

    def masks(self, maps: Tensor) -> Tensor:
        """Return where the previous image's map is at least its mean, or everywhere for a single image."""
        salient = binarise(maps)
        return salient.roll(1, dims=0) if len(salient) > 1 else torch.ones_like(salient)
