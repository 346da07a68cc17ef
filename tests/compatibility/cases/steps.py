"""Cases of training steps."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.compatibility.case import Case, Refused, Works
from tests.compatibility.classifiers import Classifier
from tests.compatibility.sources import of


class LossDict(Classifier):
    """A module whose step returns a dict."""

    def training_step(self, batch, batch_idx):
        return {"loss": super().training_step(batch, batch_idx), "other": 3}


class SkippedSteps(Classifier):
    """A module that skips a step."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) if batch_idx else None


class OtherArguments(Classifier):
    """A module whose step has the batch alone."""

    def training_step(self, batch):
        return super().training_step(batch, 0)


class Manual(Classifier):
    """A module with manual optimisation."""

    def __init__(self, toggle: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.toggle = toggle

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            if self.toggle:
                self.toggle_optimizer(optimizer)
            optimizer.zero_grad()
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizer.step()
            if self.toggle:
                self.untoggle_optimizer(optimizer)

    def configure_optimizers(self):
        return [torch.optim.SGD(self.net[n].parameters(), lr=0.01) for n in (0, 9)]


class Iterating(Classifier):
    """A module that fetches its batches itself."""

    def training_step(self, dataloader_iter):
        return super().training_step(next(dataloader_iter)[0], 0)


class Keywords(Classifier):
    """A module that is called with the batch's keywords."""

    def forward(self, *, pixel_values, labels=None):
        logits = self.net(pixel_values)
        return {"loss": None if labels is None else F.cross_entropy(logits, labels), "logits": logits}

    def training_step(self, batch, batch_idx):
        self.seen.append(batch["pixel_values"].clone())
        return self(**batch)["loss"]

    def validation_step(self, batch, batch_idx):
        self(**batch)


class TwoViews(Classifier):
    """A module that classifies two concatenated views."""

    def training_step(self, batch, batch_idx):
        images, other, labels = batch
        self.seen.append(images.clone())
        first, second = self(torch.cat([images, other])).chunk(2)
        return self.loss(first, labels) + self.loss(second, labels)


class FixedSize(Classifier):
    """A module that needs batches of one size."""

    def training_step(self, batch, batch_idx):
        batch[0].view(6, 3, 24, 24)
        return super().training_step(batch, batch_idx)


class LBFGS(Classifier):
    """A module whose optimiser runs the step several times."""

    def configure_optimizers(self):
        return torch.optim.LBFGS(self.parameters(), lr=0.01, max_iter=2)


class CompiledStep(Classifier):
    """A module with a compiled step."""

    def __init__(self) -> None:
        super().__init__()
        self.training_step = torch.compile(self.training_step, backend="eager")


KEYWORDS = "forward=lambda module, images: module(pixel_values=images)"
CASES = [
    Case("returns a dict with `loss`", LossDict),
    Case("returns None for some batches", SkippedSteps),
    Case("`training_step(self, batch)`", OtherArguments),
    Case("manual optimisation", Manual),
    Case("manual optimisation with `toggle_optimizer`", lambda: Manual(toggle=True)),
    Case("`training_step(self, dataloader_iter)`", Iterating, augmentation=Refused("dataloader_iter")),
    Case(
        "`self(**batch)`",
        Keywords,
        of(lambda x, y: {"pixel_values": x, "labels": y}),
        Works(KEYWORDS, "takes 1 positional argument"),
        Works(KEYWORDS, "give forward="),
    ),
    Case("two concatenated views", lambda: TwoViews(lambda b: (b[0], b[2])), of(lambda x, y: (x, x.flip(1), y))),
    Case("a fixed batch size", FixedSize),
    Case("`LBFGS`, which repeats the step", LBFGS),
]
