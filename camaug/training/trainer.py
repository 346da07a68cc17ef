"""Lightning's trainer with two more things that it can do."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import lightning as L
from rich.console import Console

from camaug.callbacks import ExperimentRunner, GroupCamAugmentation, PriceRunner
from camaug.experiments import Experiment, Report
from camaug.experiments.writing import print_report

__all__ = ["CamaugTrainer"]


class CamaugTrainer(L.Trainer):
    """A ``Trainer`` that can also do experiments and tell prices; all else is Lightning's."""

    def experiment(
        self,
        model: L.LightningModule,
        datamodule: L.LightningDataModule,
        experiment: Experiment,
        output: str = "experiments",
        images: int | None = 100,
        ckpt_path: str | None = None,
    ) -> Report:
        """Do one of the paper's experiments: tables, plots and pictures of what explanations are worth.

        Args:
            model: The classifier: its ``forward(images)`` gives logits.
            datamodule: Whose prediction images are looked at: a ``PhotoFolder``, or labelled images.
            experiment: What is asked, with its settings.
            output: The folder that the report goes to.
            images: How many images are looked at, spread over the classes where they are known; null for all.
            ckpt_path: A checkpoint of a classifier that was trained here.

        Returns:
            The report, which is written already.
        """
        runner = ExperimentRunner(experiment, output, images)
        self.callbacks.append(runner)
        try:
            self.predict(model, datamodule=datamodule, return_predictions=False, ckpt_path=ckpt_path, weights_only=True)
        finally:
            self.callbacks.remove(runner)
        return cast(Report, runner.report)

    def price(self, model: L.LightningModule, datamodule: L.LightningDataModule, seconds: float = 45.0) -> Report:
        """Say what each setting of the augmentation would add to a training step here, and how like its maps are.

        A copy of the model is trained for some steps on its first batch, in this trainer's precision and on its device,
        without callbacks and loggers; nothing is changed, and nothing saved.

        Args:
            model: The classifier, as it would be trained.
            datamodule: Whose training images are looked at.
            seconds: How long the measurement may take; one round is made however long it takes.

        Returns:
            The table, which is printed already.

        Raises:
            ValueError: If the trainer has several processes, or there is no training batch.
        """
        if self.world_size > 1:
            raise ValueError(
                f"the price is measured in one process, and the trainer has {self.world_size}: set trainer.devices to 1"
            )
        callbacks: list[L.Callback] = self.callbacks
        augmentation = next((each for each in callbacks if isinstance(each, GroupCamAugmentation)), None)
        runner = PriceRunner(augmentation, seconds)
        with self._alone(runner):
            self.fit(copy.deepcopy(model), datamodule=datamodule)
        if runner.report is None:
            raise ValueError(
                "the training ended before a step was measured: give it data, and trainer.max_epochs above 0"
            )
        console = Console()
        print_report(runner.report, console)
        for line in runner.advice:  # whole, so that it can be copied
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        return cast(Report, runner.report)

    @contextmanager
    def _alone(self, callback: L.Callback) -> Iterator[None]:
        """Let the trainer have this callback alone, no loggers and no validation."""
        before: dict[str, Any] = {
            name: getattr(self, name) for name in ("callbacks", "loggers", "limit_val_batches", "num_sanity_val_steps")
        }
        loop = self.fit_loop
        ends = (loop.max_epochs, loop.min_epochs, loop.epoch_loop.max_steps, loop.epoch_loop.min_steps)
        self.callbacks, self.loggers = [callback], []
        self.limit_val_batches = self.num_sanity_val_steps = 0
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)
            loop.max_epochs, loop.min_epochs, loop.epoch_loop.max_steps, loop.epoch_loop.min_steps = ends
