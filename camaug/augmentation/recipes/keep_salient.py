"""The paper's recipe: unimportant pixels are blurred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import register_recipe
from camaug.functional.masks import binarise

__all__ = ["KeepSalient"]


@register_recipe("keep-salient")
@dataclass(frozen=True)
class KeepSalient(Recipe):
    """Blur of the pixels whose saliency is below the map's mean.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859, section 5): ``B = L >= mean(L)`` and
    ``X' = X * B + blur(X) * (1 - B)``.

    Example:
        >>> import torch
        >>> KeepSalient().masks(torch.tensor([[[0.0, 0.2], [0.9, 0.1]]]))
        tensor([[[False, False],
                 [ True, False]]])
    """

    control: ClassVar[str | None] = "random-mask"
    evidence = (
        "it lost in every comparison of this project, most where the data have a shortcut: docs/augmentation.md "
        "has the evidence"
    )

    def masks(self, maps: Tensor) -> Tensor:
        """Return where each map is at least its own mean, which is everywhere if it is constant."""
        return binarise(maps)
