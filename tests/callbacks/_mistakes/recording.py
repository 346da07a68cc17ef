"""A callback and a module that record what the tests of mistakes compare."""

from __future__ import annotations

from typing import Any

import torch

from camaug.callbacks import CamLogger
from tests.toys import ToyClassifier


class RecordingLogger(CamLogger):
    """A CamLogger that keeps the explained mistakes of every snapshot."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"fast": False, "trust_every_n_snapshots": None, "num_images": 3, **settings})
        self.explained = []

    def _write(self, trainer, pl_module, moment):
        if self._explained is not None:
            self.explained.append(self._explained)
        super()._write(trainer, pl_module, moment)


class RecordingClassifier(ToyClassifier):
    """A classifier that keeps the logits of each validation, and fits nearly nothing, so that it stays uncertain."""

    def __init__(self) -> None:
        super().__init__()
        self.validations: list[list[torch.Tensor]] = []

    def on_validation_epoch_start(self) -> None:
        self.validations.append([])

    def validation_step(self, batch, batch_idx):
        self.validations[-1].append(self(batch[0]).detach().clone())

    def logits(self, number: int) -> torch.Tensor:
        """Return the logits of a validation."""
        return torch.cat(self.validations[number])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.2)
