"""Application of a recipe to the images and labels of one batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipes import Recipe, RecipeParams

__all__ = ["RecipeApplication"]


@dataclass(frozen=True)
class RecipeApplication:
    """Application of a recipe to the images and labels of one batch.

    Attributes:
        recipe: The recipe.
        params: The parameters of the changed images.
        index: Indices of the changed images, (M,).
        appends: True if the changed images are appended to the batch, False if they replace their originals.
        is_labelled: Whether each of them has a label, boolean (M,). One without stays as it is.
    """

    recipe: Recipe
    params: RecipeParams
    index: Tensor
    appends: bool
    is_labelled: Tensor

    @property
    def is_changed(self) -> Tensor:
        """Return whether each image may change, boolean (M,): if it, and its partner if it has one, have labels."""
        return self.is_labelled & self.is_labelled.roll(1) if self.recipe.mixes_labels else self.is_labelled

    def changed(self, images: Tensor) -> Tensor:
        """Return the changed images, (M, C, H, W)."""
        originals = images[self.index].detach()
        return torch.where(self.is_changed[:, None, None, None], self.recipe.images(originals, self.params), originals)

    def insert(self, rows: Tensor, changed: Tensor) -> Tensor:
        """Return a batch's rows with the changed ones in place of their originals, or after all others."""
        if self.appends:
            return torch.cat([rows, changed])
        return rows.index_copy(0, self.index.to(rows.device), changed)

    def labels(self, labels: Tensor) -> Tensor:
        """Return the labels of the new images: the same tensor unless labels are mixed or masked views appended."""
        if len(self.index) == 0:
            return labels
        index = self.index.to(labels.device)
        if self.appends:
            return torch.cat([labels, labels[index]])
        return self._mixed(labels, index) if self.recipe.mixes_labels else labels

    def _mixed(self, labels: Tensor, index: Tensor) -> MixedLabels:
        own, other = (weights.float() for weights in self.recipe.label_weights(self.params))
        own, other = own.where(self.is_changed, 1).to(labels.device), other.where(self.is_changed, 0).to(labels.device)
        others = labels.index_copy(0, index, labels[index].roll(1, dims=0))
        own_weight = own.new_ones(len(labels)).index_copy(0, index, own)
        return MixedLabels.mix(
            labels.clone(), others, own_weight, torch.zeros_like(own_weight).index_copy(0, index, other)
        )
