"""Control of the recipe ``salient-crop``: crops with little of the saliency."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.salient_crop import SalientCrop

__all__ = ["AvoidCrop"]


@register_recipe("avoid-crop")
@dataclass(frozen=True)
class AvoidCrop(SalientCrop):
    """A random crop with a given share of the map's energy outside of it, or else the one with most outside."""

    control = None
    evidence = ""

    def scores(self, shares: Tensor) -> Tensor:
        """Return the shares of the maps' energy outside of the crops, (M, tries)."""
        return 1 - shares
