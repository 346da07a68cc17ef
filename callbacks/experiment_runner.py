"""Experiments on the images of a data module."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.utils.data import DataLoader

from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.label_targets import IGNORED, label_targets
from camaug.augmentation.plain_tensor import plain_tensor
from camaug.experiments.experiment import Experiment, require_extras, untracked
from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.report import Report
from camaug.experiments.write_report import write_report
from camaug.explainers.provenance import describe_model
from camaug.images.class_names import known_class_names
from camaug.images.denormalise import denormalise
from camaug.inspection.model_output import read_logits
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.check_folder import check_folder
from camaug.utils.check_types import check_types
from camaug.utils.progress import with_progress
from camaug.utils.replaced_attribute import replaced_attribute

from ._logging.choose_indices import choose_indices
from ._logging.find_class_names import find_class_names
from ._logging.find_normalisation import find_normalisation
from ._logging.read_photos import read_photos
from ._logging.tensorboard_writer import tensorboard_writer
from ._trainer.loader_of_chosen import check_has_length, loader_of_chosen
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
        num_images: Number of images. None for all, and a smaller data set is used whole.
        images: Where a batch has its images, if they are not found: a key, an index, a path such as ``"0.image"``, or a
            function of the batch.
        labels: Where a batch has its labels, in the same forms. Of several labels of an image the first is used.

    Raises:
        ValueError: If ``num_images`` is below 1.

    Example:
        >>> from camaug.experiments import InsertionDeletionExperiment
        >>> runner = ExperimentRunner(InsertionDeletionExperiment(["random", "grad-cam"]), "first", num_images=8)
        >>> trainer = L.Trainer(callbacks=[runner], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        experiment: Experiment,
        directory: str | Path,
        num_images: int | None = 100,
        images: Selector | None = None,
        labels: Selector | None = None,
    ) -> None:
        check_types(ExperimentRunner.__init__, locals())
        if num_images is not None and num_images < 1:
            raise ValueError(f"`num_images` must be at least 1, or None for all images, got {num_images}")
        self.experiment = experiment
        self.directory = Path(directory).expanduser()
        self.num_images = num_images
        self.images, self.labels = images, labels
        self.report: Report | None = None
        self._batches: list[ImageBatch] = []
        self._errors: list[str] = []  # of the photos that cannot be read
        self._available: int | None = None
        self._class_names: Sequence[str] | None = None
        self._classes = 0
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
        check_folder(self.directory, "the files of the report")
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
        photos = read_photos(batch, self.images, self.labels)
        self._errors += photos.errors.values()
        if len(photos.images) == 0:
            return
        dataset = getattr(first_loader(trainer.predict_dataloaders), "dataset", None)
        if not self._batches:
            self._match_classes(trainer, pl_module, photos.images[:1], dataset)
        normalisation = find_normalisation(trainer, dataset, photos.images.shape[1])
        self._batches.append(
            ImageBatch(
                images=photos.images,
                labels=None if photos.labels is None or self._unused_labels else self._first_classes(photos.labels),
                names=None if photos.paths is None else [Path(path).name for path in photos.paths],
                display_images=denormalise(photos.images, *normalisation),
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
            batches = [_as_normal_tensors(batch, with_labels=not self._unused_labels) for batch in self._batches]
            report = self.experiment.run(pl_module, batches, track)
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
        check_has_length(loader)
        self._available = available = len(loader.dataset)
        if self.num_images is not None and self.num_images > available:
            rank_zero_warn(f"{self.num_images} images were asked for, and there are {available}: all are taken")
        count = min(self.num_images or available, available)
        return loader_of_chosen(loader, choose_indices(loader.dataset, count))

    def _match_classes(
        self, trainer: L.Trainer, pl_module: L.LightningModule, image: torch.Tensor, dataset: Any
    ) -> None:
        """Find the names of the model's classes, and check that the labels are of these classes."""
        with neutral(unwrap(pl_module)), trainer.precision_plugin.forward_context():
            self._classes = classes = read_logits(pl_module(image)).shape[1]
        names = find_class_names(trainer, dataset)
        if names is None or len(names) == classes:
            self._class_names, self._unused_labels = names or known_class_names(pl_module, classes), ""
        else:
            self._class_names = known_class_names(pl_module, classes)
            self._unused_labels = (
                f"The labels are not used: they are of {len(names)} classes, and the model has {classes}."
            )

    def _first_classes(self, labels: Tensor) -> Tensor | None:
        """Return the first class of each image, or None if an image has none."""
        try:
            targets = label_targets(plain_tensor(labels), self._classes)
        except ValueError as error:
            self._unused_labels = f"The labels are not used: {error}."
            return None
        first = targets if targets.dim() == 1 else targets[:, 0]
        if (first == IGNORED).any():
            self._unused_labels = "The labels are not used: an image has none."
            return None
        return first

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


def _as_normal_tensors(batch: ImageBatch, *, with_labels: bool) -> ImageBatch:
    """Copy the tensors, because those of Lightning's inference mode cannot take part in autograd."""
    labels = batch.labels.clone() if with_labels and batch.labels is not None else None
    return batch._replace(images=batch.images.clone(), labels=labels)


def _show_progress(items: Sequence[Any], description: str) -> Iterable[Any]:
    return with_progress(items, description)
