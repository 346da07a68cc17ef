"""Control of the recipe ``paired``: masked views with random masks."""

from __future__ import annotations

from dataclasses import dataclass

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.paired import Paired

__all__ = ["PairedRandom"]


@register_recipe("paired-random")
@dataclass(frozen=True)
class PairedRandom(Paired):
    """Masked views, made by a control and appended to the batch with the labels of their originals."""

    control = None

    view: str | Recipe = "hide-random"
