"""Application of a recipe to the images and labels of one batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.label_rows import label_rows, labels_of_rows
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
        has_one_logit: True if the labels are those of a model with one logit.
    """

    recipe: Recipe
    params: RecipeParams
    index: Tensor
    appends: bool
    has_one_logit: bool

    def changed(self, images: Tensor) -> Tensor:
        """Return the changed images, (M, C, H, W)."""
        return self.recipe.images(images[self.index].detach(), self.params)

    def insert(self, rows: Tensor, changed: Tensor) -> Tensor:
        """Return a batch's rows with the changed ones in place of their originals, or after all others."""
        if self.appends:
            return torch.cat([rows, changed])
        return rows.index_copy(0, self.index.to(rows.device), changed)

    def labels(self, labels: Tensor) -> Tensor:
        """Return the labels of the new images: the same tensor unless labels are mixed or masked views appended."""
        index = self.index.to(labels.device)
        if len(index) > 0 and self.recipe.mixes_labels:
            assert self.params.classes is not None, "the transform knows the classes of a recipe that mixes labels"
            rows = label_rows(labels, self.params.classes)
            mixed = self.insert(rows, self.recipe.labels(rows[index], self.params))
            return labels_of_rows(mixed, labels, has_one_logit=self.has_one_logit)
        if len(index) > 0 and self.appends:
            return self.insert(labels, self.recipe.labels(labels[index], self.params))
        return labels
