"""Experiments on the images of any data module."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import rich.progress
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader, IterableDataset, Subset

from camaug.augmentation.batch import class_indices, find_images_and_labels, find_strings
from camaug.experiments.base import Experiment, ImageBatch, require_extras, untracked
from camaug.experiments.report import Report
from camaug.experiments.writing import write_report
from camaug.explainers.provenance import describe_model
from camaug.images.class_names import known_class_names
from camaug.images.render import denormalise
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap

from ._logging.choose_indices import choose_indices
from ._logging.find_class_names import find_class_names
from ._logging.find_normalisation import find_normalisation
from ._trainer.stages import first_loader

__all__ = ["ExperimentRunner"]


class ExperimentRunner(L.Callback):
    """Does an experiment on the images of ``trainer.predict``, and writes its report.

    Prediction hands over the images, chosen from all: spread over the classes where the data set says its ``targets``,
    else evenly over the data set. The experiment begins when all are there, with the model on its device. A photo that
    cannot be read is left out, counted and named in the report. Labels of other classes than the model's are not used.

    The folder gets ``report.md``, a CSV file a table, a PNG a plot or picture, and TensorBoard's events, unless the
    trainer has a TensorBoard logger of its own, which then takes them.

    Args:
        experiment: What is asked.
        directory: Where the report goes.
        images: How many of a data module's images are chosen; None, and where there are fewer, for all of them.

    Raises:
        ValueError: If ``images`` is below 1.

    Example:
        >>> from camaug.experiments import InsertionDeletionExperiment
        >>> runner = ExperimentRunner(InsertionDeletionExperiment(["random", "grad-cam"]), "first", images=8)
        >>> trainer = L.Trainer(callbacks=[runner], logger=False, accelerator="cpu")
    """

    def __init__(self, experiment: Experiment, directory: str | Path, images: int | None = 100) -> None:
        if images is not None and images < 1:
            raise ValueError(f"`images` is how many images are looked at, at least 1, or None for all, got {images}")
        self.experiment = experiment
        self.directory = Path(directory).expanduser()
        self.images = images
        self.report: Report | None = None
        self._batches: list[ImageBatch] = []
        self._failed: list[str] = []
        self._available: int | None = None
        self._names: Sequence[str] | None = None
        self._foreign = ""
        self._undo: list[Callable[[], Any]] = []

    # Lightning's hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked before there are data, and choose the images."""
        if stage != "predict":
            return
        require_extras()
        if trainer.world_size > 1:
            raise ValueError(
                f"an experiment runs in one process, and the trainer has {trainer.world_size}: set trainer.devices to 1"
            )
        if self.directory.exists() and not self.directory.is_dir():
            raise ValueError(f"`directory` is where the report goes, and {self.directory} is a file: give a folder")
        self.report, self._batches, self._failed = None, [], []
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is not None:
            loader = datamodule.predict_dataloader
            self._replace(datamodule, "predict_dataloader", lambda: self._chosen(first_loader(loader())))
        if trainer.progress_bar_callback is not None:  # two bars at once would overwrite each other
            trainer.progress_bar_callback.disable()
            self._undo.append(trainer.progress_bar_callback.enable)
        self._replace(pl_module, "predict_step", lambda batch, *_: ())  # the experiment asks the model itself

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the images."""
        images, labels = find_images_and_labels(batch)
        names = find_strings(batch, "paths", len(images))
        errors = find_strings(batch, "errors", len(images)) or [""] * len(images)
        self._failed += [error for error in errors if error]
        good = [index for index, error in enumerate(errors) if not error]
        if not good:
            return
        dataset = getattr(first_loader(trainer.predict_dataloaders), "dataset", None)
        if not self._batches:
            self._learn_classes(trainer, pl_module, images[good[:1]], dataset)
        self._batches.append(
            ImageBatch(
                images[good],
                None if labels is None or self._foreign else class_indices(labels)[good],
                None if names is None else [Path(names[index]).name for index in good],
                denormalise(images[good], *find_normalisation(trainer, dataset)),
                self._names,
                batch,
            )
        )

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Do the experiment and write its report."""
        if not self._batches:
            raise ValueError(f"there are no images for the experiment. {self._left_out()}")
        show = _shown if trainer.progress_bar_callback is not None else untracked

        def track(items: Sequence[Any], what: str) -> Iterator[Any]:
            for item in show(items, what):
                if trainer.received_sigterm:  # Lightning notes it, and acts upon it in training alone
                    raise SIGTERMException
                yield item

        with torch.inference_mode(False), torch.no_grad(), trainer.precision_plugin.forward_context():
            report = self.experiment.run(pl_module, [_plain(batch) for batch in self._batches], track)
        self.report = dataclasses.replace(report, notes=(*self._facts(trainer, pl_module), *report.notes))
        logger = next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)
        own = None if logger else TensorBoardLogger(self.directory, name="", version="")
        write_report(self.report, self.directory, (logger or own).experiment)
        if own is not None:
            own.experiment.close()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Leave the module and the data as they were."""
        self._let_go()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Leave the module and the data as they were."""
        self._let_go()

    def _replace(self, holder: Any, name: str, value: Any) -> None:
        before = vars(holder).get(name)  # as LightningDataModule.from_datasets sets its loaders
        setattr(holder, name, value)
        if before is None:
            self._undo.append(lambda: vars(holder).pop(name, None))
        else:
            self._undo.append(lambda: setattr(holder, name, before))

    def _let_go(self) -> None:
        self._batches = []
        while self._undo:
            self._undo.pop()()

    # Images

    def _chosen(self, loader: Any) -> DataLoader[Any]:
        """A loader of the chosen images that loads them as the given one does."""
        if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
            raise ValueError(
                f"an experiment chooses images by their number, and the data module's predict_dataloader gives a "
                f"{type(loader).__name__} of a stream: give a torch DataLoader of a data set with a length"
            )
        self._available = len(loader.dataset)  # type: ignore[arg-type]
        if self.images is not None and self.images > self._available:
            rank_zero_warn(f"{self.images} images were asked for, and there are {self._available}: all are taken")
        chosen = choose_indices(loader.dataset, min(self.images or self._available, self._available))
        return DataLoader(
            Subset(loader.dataset, chosen),
            batch_size=loader.batch_size or 1,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
        )

    def _learn_classes(self, trainer: L.Trainer, pl_module: L.LightningModule, image: torch.Tensor, data: Any) -> None:
        """What the model's classes are called, and whether the data's labels are of these classes."""
        with neutral(unwrap(pl_module)), trainer.precision_plugin.forward_context():
            classes = pl_module(image).shape[1]
        names = find_class_names(trainer, data)
        if names is None or len(names) == classes:
            self._names, self._foreign = names or known_class_names(pl_module, classes), ""
        else:
            self._names = known_class_names(pl_module, classes)
            self._foreign = f"The labels are not used: they are of {len(names)} classes, and the model has {classes}."

    # Words

    def _facts(self, trainer: L.Trainer, pl_module: L.LightningModule) -> list[str]:
        model = describe_model(pl_module)
        count = sum(len(batch.images) for batch in self._batches)
        root = getattr(getattr(trainer, "datamodule", None), "root", None)
        source = f" from {Path(root).name}" if root is not None else ""
        facts = [
            f"Model: {model['name'] or model['class']}, {model['parameters']:,} parameters.",
            f"Images: {count} of {self._available or count}{source}.",
        ]
        return [*facts, *filter(None, (self._foreign, self._left_out()))]

    def _left_out(self) -> str:
        if not self._failed:
            return ""
        named = "; ".join(self._failed)
        return f"Left out: {len(self._failed)} of the chosen images, which cannot be read: {named}"


def _plain(batch: ImageBatch) -> ImageBatch:
    """The batch with images that may become part of a graph: Lightning predicts in inference mode."""
    return batch._replace(images=batch.images.clone(), labels=None if batch.labels is None else batch.labels.clone())


def _shown(items: Sequence[Any], what: str) -> Iterable[Any]:
    return rich.progress.track(items, description=what)
