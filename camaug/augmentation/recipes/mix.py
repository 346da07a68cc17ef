"""Recipe in which the salient part of one image is pasted into another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.recipe import Recipe, RecipeParams
from camaug.augmentation.recipe_registry import register_recipe
from camaug.functional.energy_share import energy_share
from camaug.functional.masks import binarise, blend
from camaug.functional.mixed_labels import mixed_labels

__all__ = ["Mix"]


@register_recipe("mix")
@dataclass(frozen=True)
class Mix(Recipe):
    """Salient pixels of the previous image of the batch, pasted at the same positions.

    Labels become probabilities, weighted by the visible share of both images' saliency, after SnapMix
    (:func:`camaug.functional.mixed_labels.mixed_labels`). An image without evidence is not pasted.
    """

    mixes_labels = True

    def masks(self, maps: Tensor) -> Tensor:
        """Return the pixels of each image that are pasted into the next, none if its map is constant."""
        salient = binarise(maps)
        return salient & ~salient.all(dim=(1, 2), keepdim=True)

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the images with the pasted pixels, (M, C, H, W)."""
        mixed = blend(images.roll(1, dims=0), images, params.masks.roll(1, dims=0))
        return torch.lerp(images, mixed, params.strength)

    def labels(self, labels: Tensor, params: RecipeParams) -> Tensor:
        """Return the mixed labels as probabilities (M, classes)."""
        assert params.classes is not None, "the transform knows the classes of a recipe that mixes labels"
        pasted_masks = params.masks.roll(1, dims=0)
        kept = 1 - params.strength * energy_share(params.maps, pasted_masks)
        pasted = params.strength * energy_share(params.maps.roll(1, dims=0), pasted_masks)
        return mixed_labels(labels, labels.roll(1, dims=0), kept, pasted, params.classes)
