from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import timm
import torch
from torch import Tensor, nn

from camaug import Explainer, get_explainer
from camaug.explainers import LayerEvidence, LayerExplainer, explainer_class
from tests.small_explainers import CONVOLUTIONAL, SETTINGS

# The first is the augmentation's: without gradients the layer is captured in another way.
VARIANTS = [
    ("group-cam", {"groups": 5, "weighted": False, "theta": None}),
    ("grad-cam", {"layer": ("stem", "body")}),
    ("noise-smooth", {"explainer": "group-cam", "samples": 2}),
    ("finer-cam", {"explainer": "score-cam"}),
]
METHODS = [(name, SETTINGS.get(name, {})) for name in CONVOLUTIONAL] + VARIANTS
AT_A_LAYER = [(name, settings) for name, settings in METHODS if isinstance(get_explainer(name), LayerExplainer)]
AT_A_LAYER = [(name, settings) for name, settings in AT_A_LAYER if "layer" not in settings]
AT_AN_EARLIER_LAYER = [(name, settings) for name, settings in AT_A_LAYER if name != "cam"]
ONE_PASS = r"(1|the method's)( \+ (2 )?head back)?"
QUERYING = [
    (name, settings) for name, settings in METHODS if not re.fullmatch(ONE_PASS, explainer_class(name).info.passes)
]


@pytest.fixture(params=METHODS, ids=[name for name, _ in METHODS])
def explainer(request: pytest.FixtureRequest) -> Explainer:
    """Return each registered method that works on convolutional networks, with few queries."""
    name, settings = request.param
    return get_explainer(name, **settings)


@pytest.fixture(params=AT_A_LAYER, ids=[name for name, _ in AT_A_LAYER])
def layer_explainer(request: pytest.FixtureRequest) -> LayerExplainer:
    """Return each registered method that reads a layer."""
    name, settings = request.param
    return get_explainer(name, **settings)


@pytest.fixture(params=AT_AN_EARLIER_LAYER, ids=[name for name, _ in AT_AN_EARLIER_LAYER])
def earlier_layer_explainer(request: pytest.FixtureRequest) -> LayerExplainer:
    """Return each registered method that reads any layer, not only the last one."""
    name, settings = request.param
    return get_explainer(name, **settings)


@pytest.fixture(params=QUERYING, ids=[name for name, _ in QUERYING])
def querying_explainer(request: pytest.FixtureRequest) -> Explainer:
    """Return each registered method that calls the model more than once."""
    name, settings = request.param
    return get_explainer(name, **settings)


@dataclass(frozen=True)
class Spy(LayerExplainer):
    """An explainer that keeps its evidence."""

    gathered: list[LayerEvidence] = field(default_factory=list, compare=False)

    @property
    def needs_gradients(self) -> bool:
        return True

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        self.gathered.append(evidence)
        return maps.new_ones(maps.shape[:2])


@pytest.fixture
def evidence_of() -> Callable[..., LayerEvidence]:
    """Return the evidence that a method gets from a model, images and targets."""

    def gather(model: nn.Module, images: Tensor, targets: int | Tensor | None = None, layer=None) -> LayerEvidence:
        spy = Spy(layer=layer)
        spy(model, images, targets)
        return spy.gathered[0]

    return gather


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    torch.manual_seed(0)
    model = timm.create_model("test_vit", num_classes=5, img_size=64).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    for block in model.blocks[2:5]:
        block.mlp.fc2.bias.data += 0.5  # mostly positive activations, as in trained networks
    return model


@pytest.fixture
def vit_images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
