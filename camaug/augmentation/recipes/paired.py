"""Recipe that appends masked views to the batch."""

from __future__ import annotations

from dataclasses import dataclass

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.keep_salient import KeepSalient

__all__ = ["Paired"]


@register_recipe("paired")
@dataclass(frozen=True)
class Paired(KeepSalient):
    """Masked views, made as by ``keep-salient`` and appended to the batch with the labels of their originals.

    A loss can ask for consistent predictions (:func:`camaug.functional.pair_consistency.pair_consistency`).
    """

    adds_masked_views = True
