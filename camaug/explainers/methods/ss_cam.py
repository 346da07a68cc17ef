"""SS-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.score_cam import ScoreCAM
from camaug.explainers.registry import register_explainer
from camaug.utils.copied_to import copied_to

__all__ = ["SSCAM"]


@register_explainer("ss-cam")
@dataclass(frozen=True)
class SSCAM(ScoreCAM):
    """SS-CAM: Score-CAM with scores averaged over noisy masks.

    Naidu, Michael 2020, SS-CAM: Smoothed Score-CAM for Sharper Visual Feature Localization (arXiv 2006.14255),
    smoothing on the feature map: each channel's score is the mean over ``samples`` of the logits of
    ``X * (norm(up(A_k)) + noise)``. Costs one forward pass, and ``samples`` more for every channel.

    Args:
        samples: Number of noisy masks for each channel.
        std: Standard deviation of the noise, relative to a mask's range.
        seed: Seed of the noise, which is the same for every image.
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> SSCAM(samples=2, layer="layer1")(torchvision.models.resnet18(), torch.rand(1, 3, 32, 32)).maps.shape
        torch.Size([1, 32, 32])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper="[Naidu 2020](https://arxiv.org/abs/2006.14255)",
        passes="1 + 35 K",
        needs="spatial features",
        oracle="torchcam (without noise)",
    )

    samples: int = 35
    std: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 1 or self.std < 0:
            raise ValueError(f"`samples` must be at least 1 and `std` at least 0, got {self.samples} and {self.std}")

    @property
    def variants(self) -> int:
        """Number of samples."""
        return self.samples

    @property
    def varies_channels(self) -> bool:
        """Return True: each channel has its own noise."""
        return True

    def vary(self, masks: Tensor, channels: Tensor, variant: int) -> Tensor:
        """Add noise to the masks."""
        # One generator per channel and sample makes the noise independent of the batch and of the chunks.
        noise = torch.empty(masks.shape, dtype=torch.float32, device="cpu")
        for plane, channel in zip(noise, channels.tolist(), strict=True):
            plane.normal_(generator=torch.Generator().manual_seed(hash((self.seed, variant, channel)) % 2**63))
        return masks + self.std * copied_to(noise, masks.device).to(masks.dtype)
