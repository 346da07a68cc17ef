"""Recipe in which the salient pixels are blurred."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe
from camaug.functional.masks import binarise

__all__ = ["HideSalient"]


@register_recipe("hide-salient")
@dataclass(frozen=True)
class HideSalient(Recipe):
    """Blur of the pixels that the model relies on, so that it must find other evidence.

    Example:
        >>> import torch
        >>> HideSalient().masks(torch.tensor([[[0.0, 0.2], [0.9, 0.1]]]))
        tensor([[[ True,  True],
                 [False,  True]]])
    """

    def masks(self, maps: Tensor) -> Tensor:
        """Return where each map is below its own mean, or everywhere if it is constant."""
        salient = binarise(maps)
        return ~salient | salient.all(dim=(1, 2), keepdim=True)
