"""Feature maps: the channels of the target layer."""

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
    """Arrange maps in rows, from the upper left.

    Args:
        maps: (N, M, u, v).
        columns: Number of maps per row.

    Returns:
        One grid per image, (N, rows * u, columns * v), 0 where there is no map.

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
    """Feature maps: the target layer's strongest channels as a grid of heatmaps.

    Shows the channels of the largest mean activation, row by row from the upper left, each normalised to [0, 1]. The
    grid has the image's size, but its positions are not those of the image. The target is ignored. Costs one forward
    pass.

    Args:
        channels: Number of channels, or all where the layer has fewer.
        columns: Number of channels per row.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

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
        """Compute the grid, (N, rows * u, columns * v)."""
        activations = evidence.activations
        count = min(self.channels, activations.shape[1])
        strongest = activations.mean(dim=(2, 3)).topk(count, dim=1).indices[:, :, None, None]
        chosen = activations.gather(1, strongest.expand(-1, -1, *activations.shape[2:]))
        return tile(normalise(chosen), min(self.columns, count))
