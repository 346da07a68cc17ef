from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from torch import Tensor, nn

from camaug import Explainer, get_explainer
from camaug.explainers import LayerEvidence, LayerExplainer
from tests.small_explainers import CONVOLUTIONAL, SETTINGS

# As the augmentation uses it: without gradients, the capture takes another path.
VARIANTS = [
    ("group-cam", {"groups": 5, "weighted": False, "theta": None}),
    ("grad-cam", {"layer": ("stem", "body")}),
    ("noise-smooth", {"explainer": "group-cam", "samples": 2}),
    ("finer-cam", {"explainer": "score-cam"}),
]
METHODS = [(name, SETTINGS.get(name, {})) for name in CONVOLUTIONAL] + VARIANTS
AT_A_LAYER = [(name, settings) for name, settings in METHODS if isinstance(get_explainer(name), LayerExplainer)]
AT_A_LAYER = [(name, settings) for name, settings in AT_A_LAYER if "layer" not in settings]


@pytest.fixture(params=METHODS, ids=[name for name, _ in METHODS])
def explainer(request: pytest.FixtureRequest) -> Explainer:
    """Every registered method that works on convolutional networks, small enough for those here."""
    name, settings = request.param
    return get_explainer(name, **settings)


@pytest.fixture(params=AT_A_LAYER, ids=[name for name, _ in AT_A_LAYER])
def layer_explainer(request: pytest.FixtureRequest) -> LayerExplainer:
    """Those of them that look at a layer."""
    name, settings = request.param
    return get_explainer(name, **settings)


@dataclass(frozen=True)
class Spy(LayerExplainer):
    """Keeps the evidence."""

    seen: list[LayerEvidence] = field(default_factory=list, compare=False)

    @property
    def needs_gradients(self) -> bool:
        return True

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        self.seen.append(evidence)
        return maps.new_ones(maps.shape[:2])


@pytest.fixture
def evidence_of() -> Callable[..., LayerEvidence]:
    """What a method gets to see for a model, images and targets."""

    def snapshot(model: nn.Module, images: Tensor, targets: int | Tensor | None = None, layer=None) -> LayerEvidence:
        spy = Spy(layer=layer)
        spy(model, images, targets)
        return spy.seen[0]

    return snapshot
