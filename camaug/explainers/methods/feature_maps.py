"""The target layer's channels themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import normalise

__all__ = ["FeatureMaps", "tile"]


def tile(maps: Tensor, columns: int) -> Tensor:
    """Set maps in rows, from the upper left.

    Args:
        maps: (N, M, u, v).
        columns: Maps in a row.

    Returns:
        One picture an image, (N, rows * u, columns * v), 0 where there is no map.

    Example:
        >>> import torch
        >>> tile(torch.arange(3.0).view(1, 3, 1, 1), columns=2)
        tensor([[[0., 1.],
                 [2., 0.]]])
    """
    count, number, height, width = maps.shape
    rows = -(-number // columns)
    padded = maps.new_zeros(count, rows * columns, height, width)
    padded[:, :number] = maps
    cells = padded.view(count, rows, columns, height, width).transpose(2, 3)
    return cells.reshape(count, rows * height, columns * width)


@register_explainer("feature-maps")
@dataclass(frozen=True)
class FeatureMaps(LayerExplainer):
    """The target layer's channels as a grid of pictures, the strongest first.

    Each image's strongest channels by mean activation, row by row from the upper left, each stretched to [0, 1]. The
    grid has the image's size; it does not lie over the image place by place, and the target is ignored. Costs one
    forward pass.

    Args:
        channels: How many channels are shown, or all where the layer has fewer.
        columns: Channels in a row.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

    Example:
        >>> import torch, torchvision
        >>> FeatureMaps(channels=4, columns=2)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="the layer's strongest channels, each as a heatmap",
        passes="1",
        needs="spatial features",
        check="formula",
    )
    class_specific: ClassVar[bool] = False

    channels: int = 16
    columns: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1 or self.columns < 1:
            raise ValueError(f"`channels` and `columns` must be at least 1, got {self.channels} and {self.columns}")

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """The grid, (N, rows * u, columns * v)."""
        activations = evidence.activations
        number = min(self.channels, activations.shape[1])
        strongest = activations.mean(dim=(2, 3)).topk(number, dim=1).indices[:, :, None, None]
        shown = activations.gather(1, strongest.expand(-1, -1, *activations.shape[2:]))
        return tile(normalise(shown), min(self.columns, number))
