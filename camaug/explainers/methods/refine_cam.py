"""RefineCAM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer, Targets
from camaug.explainers.layer_explainer import Layer, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.explainers.wrapper import WrappingExplainer
from camaug.inspection.find_layer import find_layers

__all__ = ["RefineCAM"]


@register_explainer("refine-cam")
@dataclass(frozen=True)
class RefineCAM(WrappingExplainer):
    """RefineCAM: the product of a method's maps at several layers, fine and coarse.

    How to Evaluate and Refine your CAM, 2026 (arXiv 2605.14641): the maps are normalised to [0, 1] and enlarged before
    they are multiplied; the paper's method is Grad-CAM++. Costs one forward pass and the backward pass to the earliest
    layer, and a few forward passes of one image if the layers must be found.

    Args:
        explainer: The inner method: an explainer that reads a layer, or its name.
        layers: Names or modules of the layers; None finds the last layer of each of several resolutions.
        count: Number of layers to find.

    Raises:
        ValueError: If the method reads no layer, or ``layer`` is given, which other wrappers take.

    Example:
        >>> import torch, torchvision
        >>> RefineCAM()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).layers
        ('layer4', 'layer3', 'layer2')
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[How to Evaluate and Refine your CAM, 2026](https://arxiv.org/abs/2605.14641)",
        passes="1 + head back, and a few of one image to find the layers",
        needs="features at several layers",
        oracle="torchcam",
    )

    explainer: Explainer | str = "grad-cam++"
    layers: Sequence[Layer] | None = None
    count: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer is not None:
            raise ValueError(f"refine-cam multiplies several layers: give `layers`, not `layer` (got {self.layer!r})")
        if self.layers is not None:
            object.__setattr__(self, "layers", tuple(self.layers))
        if not isinstance(self.inner, LayerExplainer):
            raise ValueError(
                f"refine-cam multiplies the maps of several layers, and {self.inner.name!r} reads none: choose "
                "another, such as 'grad-cam++'"
            )
        if self.count < 1 or self.layers == ():
            raise ValueError(f"refine-cam needs at least one layer, got count={self.count} and layers={self.layers}")

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        """Collect the inner method's evidence at all layers."""
        layers = self.layers
        if layers is None:
            layers = tuple(layer.name for layer in find_layers(model, images, count=self.count, forward=forward))
        return self._at_layers(layers).gather(model, forward, images, targets)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the product of the layers' maps, (N, H, W)."""
        return self._at_layers(evidence.layers).saliency(evidence)

    def _at_layers(self, layers: Sequence[Layer]) -> LayerExplainer:
        inner = self.inner
        if not isinstance(inner, LayerExplainer):
            raise TypeError(f"expected an explainer that reads a layer, got {inner}")
        return replace(inner, layer=tuple(layers), fuse="product")
