"""Recipe that appends masked views to the batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from torch import Tensor

from camaug.augmentation.recipe import Recipe, RecipeParams, Regions
from camaug.augmentation.recipe_registry import as_recipe, register_recipe
from camaug.explainers import Explainer

__all__ = ["Paired"]


@register_recipe("paired")
@dataclass(frozen=True)
class Paired(Recipe):
    """Masked views, made by another recipe and appended to the batch with the labels of their originals.

    A loss can ask for consistent predictions (:func:`camaug.functional.pair_consistency.pair_consistency`).

    Args:
        view: The recipe that makes the masked views, or its name: ``hide-salient``, ``salient-crop``,
            ``keep-salient``, or a control.

    Raises:
        ValueError: If the recipe mixes labels or appends views itself.
    """

    control: ClassVar[str | None] = "paired-random"

    adds_masked_views = True
    view: str | Recipe = "hide-salient"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.made_by.mixes_labels or self.made_by.adds_masked_views:
            raise ValueError(
                f"`view` must be a recipe that changes images alone, such as 'keep-salient', got {self.made_by.name!r}"
            )

    @cached_property
    def made_by(self) -> Recipe:
        """The recipe that makes the masked views."""
        return as_recipe(self.view)

    @property
    def needs_maps(self) -> bool:
        """True if the masked views are made by saliency maps."""
        return self.made_by.needs_maps

    @property
    def explains(self) -> Literal["label", "runner-up"]:
        """The class that the maps explain."""
        return self.made_by.explains

    def explainer(self) -> Explainer:
        """Return the explainer of the recipe that makes the masked views."""
        return self.made_by.explainer()

    def regions(self, maps: Tensor) -> Regions:
        """Return the regions of the recipe that makes the masked views."""
        return self.made_by.regions(maps)

    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks of the recipe that makes the masked views."""
        return self.made_by.regions(maps).masks

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the masked views, (M, C, H, W)."""
        return self.made_by.images(images, params)
