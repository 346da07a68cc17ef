"""Eigen-smooth: smoothing by the first principal component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer, fuse_maps
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.eigen_cam import principal_component
from camaug.explainers.registry import register_explainer
from camaug.explainers.wrapper import WrappingExplainer

__all__ = ["EigenSmooth"]


@register_explainer("eigen-smooth")
@dataclass(frozen=True)
class EigenSmooth(WrappingExplainer):
    """Eigen-smooth: the first principal component of the maps that a method would sum.

    For methods that are a weighted sum of a layer's maps, such as Grad-CAM, Score-CAM or LayerCAM. Costs as much as the
    method.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.

    Raises:
        ValueError: If the method is not a weighted sum of a layer's maps.

    Example:
        >>> import torch, torchvision
        >>> EigenSmooth("grad-cam")(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="wrappers",
        paper="first principal component of the weighted maps, instead of their sum",
        passes="the method's",
        needs="a method that is a weighted sum",
        oracle="pytorch-grad-cam",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.inner, LayerExplainer) or type(self.inner).weights is LayerExplainer.weights:
            raise ValueError(
                f"eigen-smooth takes the principal component of the maps that a method sums, and {self.inner.name!r} "
                "is no weighted sum of a layer's maps: choose another, such as 'grad-cam'"
            )

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the positive part of the weighted maps' first principal component, (N, u, v), fused over layers."""
        inner = self.inner
        if not isinstance(evidence, LayerEvidence) or not isinstance(inner, LayerExplainer):
            raise TypeError(f"expected the evidence of a layer, got {type(evidence).__name__}")
        components = [_component(inner, each) for each in (evidence, *evidence.others)]
        return components[0] if len(components) == 1 else fuse_maps(components, evidence.image_size, inner.fuse)


def _component(explainer: LayerExplainer, evidence: LayerEvidence) -> Tensor:
    maps = explainer.maps(evidence)
    weights = explainer.weights(evidence, maps)
    return principal_component(maps * weights[:, :, None, None], centred=True).relu()
