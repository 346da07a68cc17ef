"""Cost of looking for mistakes in a validation.

`CamLogger` looks at every validation batch as it passes, and keeps the images that it may explain. This is Lightning's
validation with a metric, with and without that part of the logger, in turn. *In the logger's hooks* is the time from
the beginning to the end of its hooks in the validation, the choice of the images at its end included, as a share of
the same validation. *By the whole validation* compares the medians of the rounds, to which the hooks at the model's
calls belong, and varies with the machine: the smallest and largest of the rounds' ratios stand beside it. Explaining
the chosen images is not part of the validation, and costs what as many probe images cost.
"""

from __future__ import annotations

import logging
import statistics
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from benchmarks.options import Clock, Options
from benchmarks.subjects import make_images, make_model
from benchmarks.timing import without_warnings
from camaug.callbacks._logging.probe_source import ProbeSource
from camaug.callbacks._logging.warn_once import WarnOnce
from camaug.callbacks._mistakes.mistake_logger import MistakeLogger
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

CLASSES = 1000
BUDGET = 16
BATCHES = 25


class Watch(L.Callback):
    """The part of CamLogger that looks for mistakes, and the time of its hooks."""

    def __init__(self, clock: Clock) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._warn_once = WarnOnce("CamLogger")
        self._mistakes = MistakeLogger(BUDGET, ProbeSource("CamLogger", None, 16, None, None, None), self._warn_once)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Prepare for a validation."""
        self.seconds = 0.0
        self._mistakes.setup(pl_module, self._warn_once)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin."""
        begun = self._clock(pl_module.device)
        self._mistakes.start_validation(trainer, trainer.validate_loop._combined_loader, CLASSES, several=False)
        self.seconds += self._clock(pl_module.device) - begun

    def on_validation_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Observe the step."""
        begun = self._clock(pl_module.device)
        self._mistakes.start_step(trainer, 0)
        self.seconds += self._clock(pl_module.device) - begun

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Keep what may be chosen."""
        begun = self._clock(pl_module.device)
        self._mistakes.end_step(trainer, batch, 0)
        self.seconds += self._clock(pl_module.device) - begun

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images."""
        begun = self._clock(pl_module.device)
        self._mistakes.finish_validation(trainer, 0)
        if not self._mistakes.are_pending():
            raise RuntimeError("no image was chosen, so that there is nothing to measure")
        self.seconds += self._clock(pl_module.device) - begun


class MeasuredClassifier(L.LightningModule):
    """Classifier with the usual validation step."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.accuracy = MulticlassAccuracy(CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits."""
        return self.model(images)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the accuracy."""
        images, labels = batch
        self.accuracy(self(images), labels)
        self.log("val/accuracy", self.accuracy)


def measure(options: Options) -> list[Table]:
    """Return a table of the two shares."""
    count = (2 if options.quick else BATCHES) * options.batch_size
    module = MeasuredClassifier(make_model(options)[0])
    images = make_images(options, count).cpu()
    loader = DataLoader(TensorDataset(images, torch.arange(count) % CLASSES), batch_size=options.batch_size)
    watch = Watch(options.clock)
    trainers = {"without": _trainer(options), "with": _trainer(options, watch)}
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    shares = []
    with without_warnings():
        for number in range(options.rounds + 1):
            for name, trainer in trainers.items():
                begun = options.clock(options.device)
                trainer.validate(module, loader, verbose=False)
                taken = options.clock(options.device) - begun
                if number > 0:  # the first warms up
                    seconds[name].append(taken)
                    shares += [watch.seconds / taken] if name == "with" else []
    ratios = [100 * (a / b - 1) for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    plain, watched = (statistics.median(times) for times in (seconds["without"], seconds["with"]))
    shares = [100 * share for share in shares]
    rows: list[list[Cell]] = [
        ["in the logger's hooks", statistics.median(shares), min(shares), max(shares)],
        ["by the whole validation", 100 * (watched / plain - 1), min(ratios), max(ratios)],
    ]
    notes = [f"{count} images, {options.rounds} rounds; a validation without the logger takes {plain:.3g} s"]
    formats = dict.fromkeys(COLUMNS[1:], "{:.2f}")
    return [Table(f"looking for mistakes, {options.described}", COLUMNS, rows, formats, notes)]


COLUMNS = ("added to a validation, %", "median", "smallest", "largest")


def _trainer(options: Options, *callbacks: L.Callback) -> L.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return L.Trainer(
        accelerator="gpu" if options.device_name == "cuda" else "cpu",
        devices=1,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
