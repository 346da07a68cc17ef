"""Experiments on the images of a data module."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
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
from camaug.experiments.experiment import Experiment, require_extras, untracked
from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.report import Report
from camaug.experiments.write_report import write_report
from camaug.explainers.provenance import describe_model
from camaug.images.class_names import known_class_names
from camaug.images.denormalise import denormalise
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.check_types import check_types
from camaug.utils.replaced_attribute import replaced_attribute

from ._logging.choose_indices import choose_indices
from ._logging.find_class_names import find_class_names
from ._logging.find_normalisation import find_normalisation
from ._logging.tensorboard_writer import tensorboard_writer
from ._trainer.stages import first_loader

__all__ = ["ExperimentRunner"]


class ExperimentRunner(L.Callback):
    """Callback that runs an experiment on the images of ``trainer.predict`` and writes its report.

    The images are spread over the classes if the data set has ``targets``, else evenly over the data set. The
    experiment starts after the last batch, with the model on its device. Photos that cannot be read are left out and
    named in the report. Labels of other classes than the model's are not used.

    The directory gets ``report.md``, a CSV file for each table, a PNG file for each plot or image, and TensorBoard's
    events, unless the Trainer has a TensorBoard logger, which then gets them.

    Args:
        experiment: The experiment.
        directory: Directory of the report.
        images: Number of images. None for all, and a smaller data set is used whole.

    Raises:
        ValueError: If ``images`` is below 1.

    Example:
        >>> from camaug.experiments import InsertionDeletionExperiment
        >>> runner = ExperimentRunner(InsertionDeletionExperiment(["random", "grad-cam"]), "first", images=8)
        >>> trainer = L.Trainer(callbacks=[runner], logger=False, accelerator="cpu")
    """

    def __init__(self, experiment: Experiment, directory: str | Path, images: int | None = 100) -> None:
        check_types(ExperimentRunner.__init__, locals())
        if images is not None and images < 1:
            raise ValueError(f"`images` must be the number of images, at least 1, or None for all, got {images}")
        self.experiment = experiment
        self.directory = Path(directory).expanduser()
        self.images = images
        self.report: Report | None = None
        self._batches: list[ImageBatch] = []
        self._errors: list[str] = []  # of the photos that cannot be read
        self._available: int | None = None
        self._class_names: Sequence[str] | None = None
        self._unused_labels = ""  # the reason why labels are not used
        self._replacements = ExitStack()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data, and let the data module load the chosen images only."""
        if stage != "predict":
            return
        require_extras()
        if trainer.world_size > 1:
            raise ValueError(
                f"an experiment runs in one process, and the trainer has {trainer.world_size}: set trainer.devices to 1"
            )
        if self.directory.exists() and not self.directory.is_dir():
            raise ValueError(f"`directory` is where the report goes, and {self.directory} is a file: give a folder")
        self.report, self._batches, self._errors = None, [], []
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is not None:
            make_loader = datamodule.predict_dataloader
            self._replace(datamodule, "predict_dataloader", lambda: self._loader_of_chosen(first_loader(make_loader())))
        if trainer.progress_bar_callback is not None:  # two bars at once would overwrite each other
            trainer.progress_bar_callback.disable()
            self._replacements.callback(trainer.progress_bar_callback.enable)
        self._replace(pl_module, "predict_step", lambda batch, *_: ())  # the experiment calls the model itself

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the images that could be read."""
        images, labels = find_images_and_labels(batch)
        names = find_strings(batch, "paths", len(images))
        errors = find_strings(batch, "errors", len(images)) or [""] * len(images)
        self._errors += [error for error in errors if error]
        readable = [position for position, error in enumerate(errors) if not error]
        if not readable:
            return
        dataset = getattr(first_loader(trainer.predict_dataloaders), "dataset", None)
        if not self._batches:
            self._match_classes(trainer, pl_module, images[readable[:1]], dataset)
        self._batches.append(
            ImageBatch(
                images=images[readable],
                labels=None if labels is None or self._unused_labels else class_indices(labels)[readable],
                names=None if names is None else [Path(names[position]).name for position in readable],
                display_images=denormalise(images[readable], *find_normalisation(trainer, dataset, images.shape[1])),
                class_names=self._class_names,
                source=batch,
            )
        )

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Run the experiment and write its report."""
        if not self._batches:
            raise ValueError(f"there are no images for the experiment. {self._unreadable_photos()}")
        show_progress = _show_progress if trainer.progress_bar_callback is not None else untracked

        def track(items: Sequence[Any], description: str) -> Iterator[Any]:
            for item in show_progress(items, description):
                if trainer.received_sigterm:  # outside of fit, Lightning only notes the signal
                    raise SIGTERMException
                yield item

        with torch.inference_mode(False), torch.no_grad(), trainer.precision_plugin.forward_context():
            report = self.experiment.run(pl_module, [_as_normal_tensors(batch) for batch in self._batches], track)
        self.report = dataclasses.replace(report, notes=(*self._notes(trainer, pl_module), *report.notes))
        for logger in trainer.loggers:
            writer = tensorboard_writer(logger)
            if writer is not None:
                write_report(self.report, self.directory, writer)
                return
        logger = TensorBoardLogger(self.directory, name="", version="")
        write_report(self.report, self.directory, logger.experiment)
        logger.experiment.close()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Restore the module, the data module and the progress bar."""
        self._restore()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Restore the module, the data module and the progress bar."""
        self._restore()

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._replacements.enter_context(replaced_attribute(owner, name, value))

    def _restore(self) -> None:
        self._batches = []
        self._replacements.close()

    def _loader_of_chosen(self, loader: Any) -> DataLoader[Any]:
        """Return a loader of the chosen images with the settings of the given one."""
        if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
            raise ValueError(
                f"an experiment chooses images by their index, and the data module's predict_dataloader returns a "
                f"{type(loader).__name__} of a stream: return a torch DataLoader of a data set with a length"
            )
        dataset: Any = loader.dataset
        self._available = len(dataset)
        if self.images is not None and self.images > self._available:
            rank_zero_warn(f"{self.images} images were asked for, and there are {self._available}: all are taken")
        return DataLoader(
            Subset(dataset, choose_indices(dataset, min(self.images or self._available, self._available))),
            batch_size=loader.batch_size or 1,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
        )

    def _match_classes(
        self, trainer: L.Trainer, pl_module: L.LightningModule, image: torch.Tensor, dataset: Any
    ) -> None:
        """Find the names of the model's classes, and check that the labels are of these classes."""
        with neutral(unwrap(pl_module)), trainer.precision_plugin.forward_context():
            classes = pl_module(image).shape[1]
        names = find_class_names(trainer, dataset)
        if names is None or len(names) == classes:
            self._class_names, self._unused_labels = names or known_class_names(pl_module, classes), ""
        else:
            self._class_names = known_class_names(pl_module, classes)
            self._unused_labels = (
                f"The labels are not used: they are of {len(names)} classes, and the model has {classes}."
            )

    def _notes(self, trainer: L.Trainer, pl_module: L.LightningModule) -> list[str]:
        model = describe_model(pl_module)
        count = sum(len(batch.images) for batch in self._batches)
        root = getattr(getattr(trainer, "datamodule", None), "root", None)
        source = f" from {Path(root).name}" if root is not None else ""
        notes = [
            f"Model: {model['name'] or model['class']}, {model['parameters']:,} parameters.",
            f"Images: {count} of {self._available or count}{source}.",
        ]
        return [*notes, *filter(None, (self._unused_labels, self._unreadable_photos()))]

    def _unreadable_photos(self) -> str:
        if not self._errors:
            return ""
        errors = "; ".join(self._errors)
        return f"Left out: {len(self._errors)} of the chosen images, which cannot be read: {errors}"


def _as_normal_tensors(batch: ImageBatch) -> ImageBatch:
    """Copy the tensors, because those of Lightning's inference mode cannot take part in autograd."""
    return batch._replace(images=batch.images.clone(), labels=None if batch.labels is None else batch.labels.clone())


def _show_progress(items: Sequence[Any], description: str) -> Iterable[Any]:
    return rich.progress.track(items, description=description)
