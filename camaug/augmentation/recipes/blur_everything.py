"""Control without saliency: the whole image is blurred."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe

__all__ = ["BlurEverything"]


@register_recipe("blur-everything")
@dataclass(frozen=True)
class BlurEverything(Recipe):
    """Blur of every pixel, without an explanation."""

    @property
    def needs_maps(self) -> bool:
        """False: nothing is explained."""
        return False

    def masks(self, maps: Tensor) -> Tensor:
        """Return empty masks: no pixel is kept."""
        return torch.zeros_like(maps, dtype=torch.bool)
