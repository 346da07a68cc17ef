"""MaskTune: hiding of what a trained model relies on, while it is fine-tuned for one more epoch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.augmentation.recipe_registry import register_recipe
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.functional.fills import Fill

__all__ = ["MaskTune"]


@register_recipe("mask-tune")
@dataclass(frozen=True)
class MaskTune(HideSalient):
    """Pixels far above a map's mean are replaced in every image: where it exceeds ``mean + deviations * std``.

    Asgari Taghanaki et al. 2022, MaskTune (arXiv 2210.00055), section 3: a model that is trained already explains each
    training image once, and is then fine-tuned for one epoch at its last learning rate, with the pixels hidden whose
    saliency exceeds the mean plus two standard deviations. Mean and deviation are those of the map's positive values.
    The saliency bank makes each map once (``refresh_every_n_epochs``).

    Args:
        deviations: Standard deviations above the mean.
        area: Unused: the map decides how much is hidden.
        filling: What replaces the pixels.
        explains: Which class's evidence is hidden.

    Example:
        >>> import torch
        >>> MaskTune(deviations=1).masks(torch.tensor([[[0.0, 0.2], [0.9, 0.1]]]))
        tensor([[[ True,  True],
                 [False,  True]]])
    """

    control = None
    evidence = ""
    usual_share = 1.0
    last_epoch_only = True
    filling: Fill = "mean"
    deviations: float = 2.0

    def masks(self, maps: Tensor) -> Tensor:
        """Return where each map is at most its mean plus some standard deviations, both of its positive values."""
        positive = maps > 0
        count = positive.sum(dim=(1, 2), keepdim=True).clamp(min=1)
        mean = maps.sum(dim=(1, 2), keepdim=True) / count
        deviation = (((maps - mean) ** 2 * positive).sum(dim=(1, 2), keepdim=True) / count).sqrt()
        return maps <= mean + self.deviations * deviation
