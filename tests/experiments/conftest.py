"""A network of which it is known where it looks, images for it, and maps that know it or know better."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from camaug.experiments import ImageBatch
from camaug.explainers import Evidence, Explainer


class TwoHalves(nn.Module):
    """Classes: how much detail is in the left half; how much in the right half, weighed less; neither."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.features.weight, 1.0)

    def forward(self, images: Tensor) -> Tensor:
        detail = self.features(images) ** 2
        middle = detail.shape[-1] // 2
        left, right = detail[..., :middle].mean(dim=(1, 2, 3)), detail[..., middle:].mean(dim=(1, 2, 3))
        return torch.stack([2 * left, right, torch.full_like(left, 2.0)], dim=1)


@dataclass(frozen=True)
class HalfMap(Explainer):
    """Points at one half whatever the class, or at the class's own: 0 left, 1 right."""

    side: str = "left"

    def saliency(self, evidence: Evidence) -> Tensor:
        ramp = torch.zeros(16, 16)
        ramp[:, :8] = 1.0
        if self.side == "flat":
            return torch.ones(len(evidence.images), 16, 16)
        right = evidence.target.classes == 1 if self.side == "own" else torch.tensor(self.side == "right")
        maps = ramp.expand(len(evidence.images), -1, -1)
        return torch.where(right.view(-1, 1, 1), maps.flip(-1), maps)


@dataclass(frozen=True)
class Refusing(Explainer):
    """Works on nothing."""

    def saliency(self, evidence: Evidence) -> Tensor:
        raise ValueError("it has no such layer")


@dataclass(frozen=True)
class Broken(Explainer):
    """Fails as nothing should."""

    def saliency(self, evidence: Evidence) -> Tensor:
        raise RuntimeError("a fuse blew")


@pytest.fixture
def two_halves() -> nn.Module:
    return TwoHalves().eval()


@pytest.fixture
def batches() -> list[ImageBatch]:
    images = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    names = [f"{index}.jpg" for index in range(6)]
    return [
        ImageBatch(images[part], torch.ones(len(images[part]), dtype=torch.int64), names[part])
        for part in (slice(0, 4), slice(4, 6))
    ]


@pytest.fixture
def explainers() -> dict[str, type[Explainer]]:
    return {"half": HalfMap, "refusing": Refusing, "broken": Broken}
