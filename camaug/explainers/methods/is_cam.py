"""IS-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.score_cam import ScoreCAM
from camaug.explainers.registry import register_explainer

__all__ = ["ISCAM"]


@register_explainer("is-cam")
@dataclass(frozen=True)
class ISCAM(ScoreCAM):
    """IS-CAM: Score-CAM with scores averaged over masks of growing strength.

    Naidu et al. 2020, IS-CAM: Integrated Score-CAM for axiomatic-based explanations (arXiv 2010.03023), section III:
    each channel's score is the mean over ``i = 1 .. steps`` of the logits of ``X * c_i norm(up(A_k))``, where
    ``c_i = sum_{j <= i} j / steps``. Costs one forward pass, and ``steps`` more for every channel.

    Args:
        steps: Number of masks for each channel.
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torch, torchvision
        >>> ISCAM(steps=2, layer="layer1")(torchvision.models.resnet18(), torch.rand(1, 3, 32, 32)).maps.shape
        torch.Size([1, 32, 32])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper="[Naidu 2020](https://arxiv.org/abs/2010.03023)",
        passes="1 + 10 K",
        needs="spatial features",
        oracle="torchcam",
    )

    steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise ValueError(f"`steps` must be at least 1, got {self.steps}")

    @property
    def variants(self) -> int:
        """Number of steps."""
        return self.steps

    def vary(self, masks: Tensor, channels: Tensor, variant: int) -> Tensor:
        """Multiply the masks by the sum of the steps so far."""
        step = variant + 1
        return masks * (step * (step + 1) / 2 / self.steps)
