"""`RandomMap`, the control that every method has to beat."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence, Explainer

__all__ = ["RandomMap"]


@dataclass(frozen=True)
class RandomMap(Explainer):
    """Smooth random map: enlarged noise of a few cells. It is a control, not an explanation method.

    The noise is drawn from the seed and the image's own bytes. It differs between images, and depends neither on the
    image's position in the batch nor on the explained class.

    Args:
        cells: Number of cells in each direction; 7 is the grid of the usual networks.
        seed: Seed of the noise.

    Example:
        >>> import torchvision
        >>> RandomMap()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    name: ClassVar[str] = "random"
    class_specific: ClassVar[bool] = False

    cells: int = 7
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cells < 2:
            raise ValueError(f"`cells` must be at least 2, got {self.cells}")

    def saliency(self, evidence: Evidence) -> Tensor:
        """Return noise in [0, 1), (N, cells, cells)."""
        noise = [self._noise(image) for image in evidence.images.detach().float().cpu()]
        return torch.stack(noise).to(evidence.images.device)

    def _noise(self, image: Tensor) -> Tensor:
        seed = zlib.crc32(image.contiguous().numpy().tobytes(), self.seed)
        return torch.rand(self.cells, self.cells, generator=torch.Generator().manual_seed(seed), device="cpu")
