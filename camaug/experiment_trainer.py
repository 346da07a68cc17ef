"""Lightning's trainer with one more thing that it can do."""

from __future__ import annotations

from typing import cast

import lightning as L

from camaug.callbacks import ExperimentRunner
from camaug.experiments import Experiment, Report

__all__ = ["ExperimentTrainer"]


class ExperimentTrainer(L.Trainer):
    """A ``Trainer`` that can also do experiments; all else is Lightning's."""

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
        self.callbacks.append(runner)  # type: ignore[attr-defined]
        try:
            self.predict(model, datamodule=datamodule, return_predictions=False, ckpt_path=ckpt_path)
        finally:
            self.callbacks.remove(runner)  # type: ignore[attr-defined]
        return cast(Report, runner.report)
