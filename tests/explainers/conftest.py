from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from camaug import Explainer, get_explainer, list_explainers
from camaug.explainers import Evidence

SETTINGS = {"group-cam": {"groups": 4}}
# As the augmentation uses it: without gradients, the capture takes another path.
VARIANTS = [("group-cam", {"groups": 5, "weighted": False, "theta": None})]
METHODS = [(name, SETTINGS.get(name, {})) for name in list_explainers()] + VARIANTS


@pytest.fixture(params=METHODS, ids=[name for name, _ in METHODS])
def explainer(request: pytest.FixtureRequest) -> Explainer:
    """Every registered method, small enough for the networks here."""
    name, settings = request.param
    return get_explainer(name, **settings)


@dataclass(frozen=True)
class Spy(Explainer):
    """Keeps the evidence."""

    seen: list[Evidence] = field(default_factory=list, compare=False)

    @property
    def needs_gradients(self) -> bool:
        return True

    def weights(self, evidence: Evidence, maps: Tensor) -> Tensor:
        self.seen.append(evidence)
        return torch.ones(maps.shape[:2])


@pytest.fixture
def evidence_of() -> Callable[..., Evidence]:
    """What a method gets to see for a model, images and targets."""

    def look(model: nn.Module, images: Tensor, targets: int | Tensor | None = None, layer=None) -> Evidence:
        spy = Spy(layer=layer)
        spy(model, images, targets)
        return spy.seen[0]

    return look
