"""Control of the recipe ``paired``: masked views with random masks."""

from __future__ import annotations

from dataclasses import dataclass

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.random_mask import RandomMask

__all__ = ["PairedRandom"]


@register_recipe("paired-random")
@dataclass(frozen=True)
class PairedRandom(RandomMask):
    """Masked views, made as by ``random-mask`` and appended to the batch with the labels of their originals."""

    adds_masked_views = True
