"""A network whose attention is known, images for it, and maps that are right or wrong about it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from camaug.experiments import Curves, ImageBatch, Interval, Report, ReportImage, Table
from camaug.experiments.comparison import Comparison
from camaug.explainers import Evidence, Explainer
from tests.experiments.comparison_data import ARMS


class TwoHalves(nn.Module):
    """Classifier by the detail in the left half, in the right half (weighted less), or in neither."""

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
    """Map of one half for every class, of the explained class's half (0 left, 1 right), or constant."""

    side: str = "left"

    def saliency(self, evidence: Evidence) -> Tensor:
        ramp = torch.zeros(16, 16)
        ramp[:, :8] = 1.0
        if self.side == "constant":
            return torch.ones(len(evidence.images), 16, 16)
        right = evidence.target.classes == 1 if self.side == "own" else torch.tensor(self.side == "right")
        maps = ramp.expand(len(evidence.images), -1, -1)
        return torch.where(right.view(-1, 1, 1), maps.flip(-1), maps)


@dataclass(frozen=True)
class Refusing(Explainer):
    """Method that supports no model."""

    def saliency(self, evidence: Evidence) -> Tensor:
        raise ValueError("it has no such layer")


@dataclass(frozen=True)
class Broken(Explainer):
    """Method that fails with an unexpected error."""

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


@pytest.fixture
def report() -> Report:
    table = Table(
        "Over-all figures",
        ["method", "over-all, %", "images"],
        [["grad-cam", Interval(57.91234, 54.1, 61.5), 8], ["a|b", Interval(3.0), 8], ["none", None, 0]],
        {"over-all, %": "{:.1f}"},
        ["left out: legrad, which [refuses]"],
    )
    curves = Curves(
        "a curve", "x, %", "y, %", {"one": ([0, 1], [0, 1]), "two": ([0, 1], [1, 0])}, {"one": ([0, 0], [1, 2])}
    )
    red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1).expand(3, 6, 5)
    return Report("A title", [table], [curves], [ReportImage("red", red)], ("a note",))


@pytest.fixture
def comparison() -> Comparison:
    return Comparison(ARMS, seeds=[0, 1, 2])
