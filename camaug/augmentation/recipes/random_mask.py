"""Control of the recipe ``keep-salient``: random masks of the same area."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe
from camaug.functional.masks import binarise
from camaug.functional.random_masks import random_masks

__all__ = ["RandomMask"]


@register_recipe("random-mask")
@dataclass(frozen=True)
class RandomMask(Recipe):
    """Blur outside of random patches that cover as many pixels as the salient ones.

    Args:
        cells: Side of the grid that the patches are drawn on.
    """

    cells: int = 7

    def masks(self, maps: Tensor) -> Tensor:
        """Return random masks of the salient pixels' areas."""
        return random_masks(binarise(maps), self.cells)
