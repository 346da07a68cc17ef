"""Aug-smooth: smoothing by test-time augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.explainers.wrapper import WrappingExplainer

__all__ = ["AugSmooth"]


@register_explainer("aug-smooth")
@dataclass(frozen=True)
class AugSmooth(WrappingExplainer):
    """Aug-smooth: the mean map of any method over mirrored, brighter and darker copies of the image.

    Runs the method twice for every factor.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.
        factors: Factors that the images' values are multiplied by; each copy is also mirrored.

    Example:
        >>> import torchvision
        >>> AugSmooth("layer-cam")(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="wrappers",
        paper="mean over mirrored, brighter and darker copies",
        passes="6 times the method's",
        needs="what the method needs",
        check="formula",
    )

    factors: Sequence[float] = (0.9, 1.0, 1.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "factors", tuple(self.factors))
        if not self.factors:
            raise ValueError("`factors` must hold at least one factor, got none")

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the mean of the copies' maps, mirrored back, (N, H, W)."""
        images = evidence.images
        maps = [self.inner_maps(evidence, factor * images) for factor in self.factors]
        mirrored = [self.inner_maps(evidence, factor * images.flip(-1)).flip(-1) for factor in self.factors]
        return torch.stack(maps + mirrored).mean(dim=0)
