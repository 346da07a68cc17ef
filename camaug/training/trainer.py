"""Lightning's Trainer with two more subcommands: experiments and prices."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import lightning as L
from rich.console import Console

from camaug.callbacks import ExperimentRunner, GroupCamAugmentation, PriceRunner
from camaug.experiments import Experiment, Report
from camaug.experiments.print_report import print_report
from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["CamaugTrainer"]


class CamaugTrainer(L.Trainer):
    """A ``Trainer`` that also runs experiments and measures prices."""

    callbacks: list[L.Callback]  # set by Lightning, which does not declare it

    def experiment(
        self,
        model: L.LightningModule,
        datamodule: L.LightningDataModule,
        experiment: Experiment,
        output: str = "experiments",
        images: int | None = 100,
        ckpt_path: str | None = None,
    ) -> Report:
        """Run one of the paper's experiments: tables, plots and images of what explanations are worth.

        Args:
            model: The classifier: its ``forward(images)`` returns logits.
            datamodule: A ``PhotoFolder``, or a data module of labelled images: its prediction images are explained.
            experiment: The experiment, with its settings.
            output: The folder that the report is written to.
            images: Number of images to explain, spread over the classes where they are known; null for all.
            ckpt_path: A checkpoint of a classifier that was trained here.

        Returns:
            The report, which is written already.
        """
        runner = ExperimentRunner(experiment, output, images)
        with replaced_attribute(self, "callbacks", [*self.callbacks, runner]):
            self.predict(model, datamodule=datamodule, return_predictions=False, ckpt_path=ckpt_path, weights_only=True)
        return cast(Report, runner.report)

    def price(self, model: L.LightningModule, datamodule: L.LightningDataModule, seconds: float = 45.0) -> Report:
        """Measure what each setting of the augmentation adds to a training step here, and how similar its maps are.

        A copy of the model is trained for some steps on its first batch, in this trainer's precision and on its device,
        without callbacks and loggers. Nothing is changed, and nothing saved.

        Args:
            model: The classifier, as it would be trained.
            datamodule: The data module whose training images are used.
            seconds: Time that the measurement may take. One round is always completed.

        Returns:
            The table, which is printed already.

        Raises:
            ValueError: If the trainer has several processes, or there is no training batch.
        """
        if self.world_size > 1:
            raise ValueError(
                f"the price is measured in one process, and the trainer has {self.world_size}: set trainer.devices to 1"
            )
        augmentation = next((each for each in self.callbacks if isinstance(each, GroupCamAugmentation)), None)
        runner = PriceRunner(augmentation, seconds)
        with self._only(runner):
            self.fit(copy.deepcopy(model), datamodule=datamodule)
        report: Report | None = runner.report
        if report is None:
            raise ValueError(
                "the training run ended before a step was measured: give it data, and trainer.max_epochs above 0"
            )
        console = Console()
        print_report(report, console)
        for line in runner.advice:  # whole, so that it can be copied
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        return report

    @contextmanager
    def _only(self, callback: L.Callback) -> Iterator[None]:
        """Leave the trainer this callback alone, without loggers and validation, for the length of a block."""
        fit, epoch = self.fit_loop, self.fit_loop.epoch_loop
        with ExitStack() as stack:
            for owner, name, value in (
                (self, "callbacks", [callback]),
                (self, "loggers", []),
                (self, "limit_val_batches", 0),
                (self, "num_sanity_val_steps", 0),
                # The callback sets these, so they are listed to be restored.
                (fit, "max_epochs", fit.max_epochs),
                (fit, "min_epochs", fit.min_epochs),
                (epoch, "max_steps", epoch.max_steps),
                (epoch, "min_steps", epoch.min_steps),
            ):
                stack.enter_context(replaced_attribute(owner, name, value))
            yield
