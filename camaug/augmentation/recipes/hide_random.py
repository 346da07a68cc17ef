"""Control of the recipe ``hide-salient``: the same region at a random position."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.functional.shifted_masks import shifted_masks

__all__ = ["HideRandom"]


@register_recipe("hide-random")
@dataclass(frozen=True)
class HideRandom(HideSalient):
    """A region of the area and shape that ``hide-salient`` would hide, moved to a random position, is replaced."""

    control = None
    evidence = ""

    def masks(self, maps: Tensor) -> Tensor:
        """Return all but the moved region, or all pixels if a map is constant."""
        return shifted_masks(super().masks(maps))
