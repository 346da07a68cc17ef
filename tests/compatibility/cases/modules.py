"""Cases of modules."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import WeightAveraging
from torch import nn

from tests.compatibility.case import Case, Works
from tests.compatibility.classifiers import Classifier, Steps
from tests.compatibility.sources import loader_of


class CallsNet(Classifier):
    """A classifier whose steps call a submodule."""

    def classify(self, images):
        return self.net(images)


class NoForward(Steps):
    """A module without forward."""

    def classify(self, images):
        return self.net(images)


class BackboneAndHead(NoForward):
    """A module without forward whose steps call a backbone and a head."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(self.net)
        del self.net
        self.backbone, self.head = nn.Sequential(*layers[:9]), layers[9]

    def classify(self, images):
        return self.head(self.backbone(images))


class Parts(Classifier):
    """A module whose network is a ModuleDict."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(self.net)
        del self.net
        self.model = nn.ModuleDict({"backbone": nn.Sequential(*layers[:9]), "head": layers[9]})

    def forward(self, images):
        return self.model["head"](self.model["backbone"](images))


class Teacher(Classifier):
    """A module with a teacher that shares the student's backbone."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(self.net)
        self.teacher = nn.Sequential(*layers[:9], nn.Linear(layers[9].in_features, 3))

    def training_step(self, batch, batch_idx):
        with torch.no_grad():
            soft = self.teacher(batch[0]).softmax(dim=1)
        return super().training_step(batch, batch_idx) + F.cross_entropy(self(batch[0]), soft)


class Frozen(Classifier):
    """A classifier whose backbone runs without gradients."""

    def forward(self, images):
        *backbone, head = self.net
        with torch.no_grad():
            features = nn.Sequential(*backbone)(images)
        return head(features)


class Lazy(Classifier):
    """A classifier with a lazy layer."""

    def __init__(self) -> None:
        super().__init__()
        self.net[9] = nn.LazyLinear(3)


class CompiledNet(Classifier):
    """A classifier with a compiled network."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.compile(self.net, backend="eager")


CASES = [
    Case("`self(images)` in the steps"),
    Case("`self.net(images)` in the steps", CallsNet),
    Case(
        "no `forward`, `self.net(images)` in the steps",
        NoForward,
        augmentation=Works(note="from the second batch on"),
    ),
    Case(
        "no `forward`, a backbone and a head",
        BackboneAndHead,
        loader_of,
        Works(
            "forward=lambda module, images: module.head(module.backbone(images))",
            "give forward=, a function of module and images",
        ),
        Works(
            "forward=lambda module, images: module.head(module.backbone(images))", "it calls self.backbone, self.head"
        ),
    ),
    Case("`self.model = nn.ModuleDict(...)`", Parts),
    Case("a teacher that shares the student's weights", Teacher),
    Case(
        "a backbone under `torch.no_grad()`",
        Frozen,
        logger=Works('explainer="score-cam"', warned="no gradient reaches the target layer"),
    ),
    Case("a frozen backbone (`requires_grad_(False)`)", lambda: _frozen(Classifier())),
    Case("lazy layers", Lazy),
    Case("a compiled network", CompiledNet),
    Case("averaged weights (EMA)", callbacks=lambda: [WeightAveraging()]),
]


def _frozen(module):
    module.net[0].requires_grad_(False)
    module.net[4].requires_grad_(False)
    return module
