"""Cases of outputs of ``forward``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.compatibility.case import Case, Works
from tests.compatibility.classifiers import Classifier
from tests.compatibility.sources import loader_of


@dataclass
class Output:
    """An output class, as ``ModelOutput``."""

    logits: Tensor
    hidden: Tensor | None = None


class Returning(Classifier):
    """A classifier that returns a function of its logits."""

    def __init__(self, output, logits) -> None:
        super().__init__(loss=lambda output, labels: torch.nn.functional.cross_entropy(logits(output), labels))
        self.output = output

    def forward(self, images):
        return self.output(self.net(images))


class Auxiliary(Classifier):
    """A classifier with an auxiliary head in training, as GoogLeNet."""

    def forward(self, images):
        logits = self.net(images)
        return (logits, 0.5 * logits) if self.training else logits

    def training_step(self, batch, batch_idx):
        self.seen.append(batch[0].clone())
        main, auxiliary = self(batch[0])
        return self.loss(main, batch[1]) + 0.3 * self.loss(auxiliary, batch[1])


def returning(output, logits):
    return lambda: Returning(output, logits)


CASES = [
    Case("tensor"),
    Case("tuple: logits and features", returning(lambda z: (z, z.new_zeros(len(z), 5, 5)), lambda o: o[0])),
    Case("list: main and auxiliary logits", returning(lambda z: [z, 0.5 * z], lambda o: o[0])),
    Case("tuple in training, tensor in evaluation, as GoogLeNet", Auxiliary),
    Case(
        "dict: `logits`",
        returning(lambda z: {"loss": None, "logits": z, "features": torch.cat([z, z], 1)}, lambda o: o["logits"]),
    ),
    Case("dict: `out`", returning(lambda z: {"out": z, "aux": 0.5 * z}, lambda o: o["out"])),
    Case("data class, as `ModelOutput`", returning(lambda z: Output(z), lambda o: o.logits)),
    Case(
        "probabilities",
        returning(lambda z: z.softmax(dim=1), lambda o: o.log()),
        logger=Works(warning="the model's outputs are probabilities"),
        augmentation=Works(warning="the model's outputs are probabilities"),
    ),
    Case(
        "logits and features of one kind, unnamed",
        returning(lambda z: (torch.cat([z, z], 1), z), lambda o: o[1]),
        loader_of,
        Works("forward=lambda module, images: module(images)[1]", "several tensors that could be the logits"),
        Works("forward=lambda module, images: module(images)[1]", "several tensors that could be the logits"),
    ),
    Case(
        "logits (N, classes, 1, 1)",
        returning(lambda z: z[:, :, None, None], lambda o: o.flatten(1)),
        loader_of,
        Works("forward=lambda module, images: module(images).flatten(1)", "expected logits"),
        Works("forward=lambda module, images: module(images).flatten(1)", "expected logits"),
    ),
]
