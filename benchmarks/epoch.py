"""Cost of CamLogger in an epoch of training.

This is a short training run with Lightning and the logger's default settings: 16 probe images, explained after every
epoch, and in the first and every fifth epoch a comparison with the maps of another class and of a random head. The
times of one logging and of one step are measured inside the run, as medians over the rounds. The share of a longer
epoch is computed: `log / (1000 step + log)`. The run itself is measured with and without the logger, in turn.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.options import Clock, Options
from benchmarks.subjects import make_images, make_model
from benchmarks.timing import without_warnings
from camaug.callbacks import CamLogger
from camaug.callbacks._logging.moment import Moment
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

STEPS_OF_AN_EPOCH = 1000
EPOCHS = 2  # the first compares the maps, the second does not
PROBES, CLASSES = 16, 1000
TRUST_EVERY = 5


class PlainClassifier(L.LightningModule):
    """Classifier with plain training steps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits."""
        return self.model(images)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Compute the loss."""
        images, labels = batch
        return F.cross_entropy(self(images), labels)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Do nothing, since the validation data are there for the probe images."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return SGD."""
        return torch.optim.SGD(self.parameters(), lr=1e-5)


class TimedCamLogger(CamLogger):
    """CamLogger that records the time of each logging."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(**settings)
        self.clock = clock
        self.seconds: list[float] = []

    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        begun = self.clock(pl_module.device)
        super()._explain(trainer, pl_module, moment)
        self._explaining = self.clock(pl_module.device) - begun

    def _write(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        is_due, begun = self._is_unwritten, self.clock(pl_module.device)
        super()._write(trainer, pl_module, moment)
        if is_due:
            self.seconds.append(self._explaining + self.clock(pl_module.device) - begun)


class StepTimes(L.Callback):
    """Recorder of each step's time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seconds: list[float] = []
        self._begun = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Start the clock."""
        self._begun = self.clock(pl_module.device)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Record the time."""
        self.seconds.append(self.clock(pl_module.device) - self._begun)


def measure(options: Options) -> list[Table]:
    """Return two tables: the measured times, and the computed cost of an epoch of a thousand steps."""
    steps = 2 if options.quick else 10
    rounds = min(options.rounds, 3)
    runs: dict[str, list[float]] = {"without CamLogger": [], "with CamLogger": []}
    step_times, first_logs, other_logs = [], [], []
    for number in range(rounds + 1):
        for name, seconds in runs.items():
            images = 4 if options.quick else PROBES
            logger = TimedCamLogger(options.clock, num_images=images) if name.startswith("with C") else None
            total, times = _train(options, steps, logger)
            if number == 0:
                continue
            seconds.append(total)
            step_times += times
            if logger is not None:
                first_logs.append(logger.seconds[0])
                other_logs += logger.seconds[1:]
    step, first, other = (statistics.median(times) for times in (step_times, first_logs, other_logs))
    log = (first + (TRUST_EVERY - 1) * other) / TRUST_EVERY
    epoch = STEPS_OF_AN_EPOCH * step
    rows: list[list[Cell]] = [
        ["one training step", step],
        ["one logging, maps compared with others", first],
        ["one logging", other],
        [f"a logging on average, compared every {TRUST_EVERY} epochs", log],
        *([f"run of {EPOCHS} epochs of {steps} steps, {n}", statistics.median(times)] for n, times in runs.items()),
    ]
    share: list[list[Cell]] = [
        [f"an epoch of {STEPS_OF_AN_EPOCH} steps", epoch],
        ["with CamLogger", epoch + log],
        ["share of the logging, %", 100 * log / (epoch + log)],
    ]
    arithmetic = (
        f"{log:.3g} s / ({STEPS_OF_AN_EPOCH} × {step:.3g} s + {log:.3g} s) = {100 * log / (epoch + log):.2g} %."
    )
    return [
        Table(f"logging, {options.described}", ("what", "s"), rows, {"s": "{:.3f}"}),
        Table(f"epoch, {options.described}", ("what", "s or %"), share, {"s or %": "{:.2f}"}, [arithmetic]),
    ]


def _train(options: Options, steps: int, logger: CamLogger | None) -> tuple[float, list[float]]:
    """Return the seconds of the whole run, and of each step but the first."""
    model, _ = make_model(options)
    step_times = StepTimes(options.clock)
    with tempfile.TemporaryDirectory() as folder, without_warnings():
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        trainer = L.Trainer(
            max_epochs=EPOCHS,
            accelerator="gpu" if options.device_name == "cuda" else "cpu",
            devices=1,
            callbacks=[step_times, *([] if logger is None else [logger])],
            logger=TensorBoardLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        loaders = [_loader(options, count) for count in (steps * options.batch_size, PROBES)]
        begun = options.clock(options.device)
        trainer.fit(PlainClassifier(model.train()), *loaders)
        return options.clock(options.device) - begun, step_times.seconds[1:]


def _loader(options: Options, count: int) -> DataLoader[Any]:
    images = make_images(options, count).cpu()
    return DataLoader(TensorDataset(images, torch.arange(count) % CLASSES), batch_size=options.batch_size)
