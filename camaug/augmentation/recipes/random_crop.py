"""Control of the recipe ``salient-crop``: crops without saliency."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.salient_crop import SalientCrop

__all__ = ["RandomCrop"]


@register_recipe("random-crop")
@dataclass(frozen=True)
class RandomCrop(SalientCrop):
    """The first crop that is drawn, without an explanation."""

    control = None
    evidence = ""

    @property
    def needs_maps(self) -> bool:
        """False: nothing is explained."""
        return False

    def scores(self, shares: Tensor) -> Tensor:
        """Return the same score for all crops, (M, tries)."""
        return shares.new_ones(shares.shape)
