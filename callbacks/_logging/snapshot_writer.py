"""Snapshots on their way to the Trainer's loggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import lightning as L
from lightning.pytorch.loggers import Logger
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from camaug.explainers import Explainer
from camaug.explainers.provenance import settings_line
from camaug.images.class_names import class_label
from camaug.inspection.unwrap import unwrap

from .draw_snapshot import draw_overview, draw_panels
from .film_strip import snapshot_record, write_originals, write_strip
from .image_epochs import logs_images_in_epoch
from .safe_tag import safe_tag
from .snapshot import Snapshot
from .snapshot_metrics import snapshot_metrics
from .tensorboard_writer import tensorboard_writer
from .write_image import write_image

__all__ = ["SnapshotWriter"]


class SnapshotWriter:
    """Writer of snapshots: images for every logger, the film strip for the camaug tab, and scalars.

    Args:
        trainer: The Trainer, whose loggers are written to.
        pl_module: The model, whose settings the film strip names.
        explainer: The method of the snapshots.
        colormap: Colours of the heatmaps.
        strength: Share of the heatmap in the overlay, in [0, 1].
        images_every_n_epochs: Epochs between two snapshots with images, None for the default of each logger.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        explainer: Explainer,
        *,
        colormap: str,
        strength: float,
        images_every_n_epochs: int | None,
    ) -> None:
        self._trainer, self._module = trainer, pl_module
        self._explainer = explainer
        self._colormap, self._strength = colormap, strength
        self._images_every_n_epochs = images_every_n_epochs
        self._prefixes_with_originals: set[str] = set()

    def write(
        self, snapshot: Snapshot, prefix: str, names: Sequence[str] | None, callback_metrics: Mapping[str, Tensor]
    ) -> None:
        """Write a snapshot.

        Args:
            snapshot: The snapshot.
            prefix: First part of every tag.
            names: Names of the classes, None for their indices.
            callback_metrics: Metrics that the Trainer knows. The film strip repeats them, and scalars that are among
                them, as those of a ``CamEvaluator`` of more images, are not written again.
        """
        self._write_images(snapshot, prefix, names)
        metrics = {f"{prefix}/{name}": value for name, value in snapshot_metrics(snapshot).items()}
        self._write_strip(snapshot, prefix, names, metrics | _known_scalars(callback_metrics))
        self._write_scalars({name: value for name, value in metrics.items() if name not in callback_metrics})

    def _write_images(self, snapshot: Snapshot, prefix: str, names: Sequence[str] | None) -> None:
        loggers = [logger for logger in self._trainer.loggers if self._is_due(logger)]
        if not loggers:
            return
        epoch = self._trainer.current_epoch
        panels = draw_panels(snapshot, names, self._colormap, self._strength)
        for index, label, panel in zip(snapshot.indices, snapshot.labels, panels, strict=True):
            folder = "" if label is None else f"{safe_tag(class_label(names, label))}/"
            write_image(loggers, f"{prefix}/{folder}{index}", panel, epoch)
        overview = draw_overview(snapshot, names, self._colormap, self._strength)
        write_image(loggers, f"{prefix}/overview", overview, epoch)

    def _is_due(self, logger: Logger) -> bool:
        """Return True if the logger gets images of this snapshot, as it does in ``validate`` and ``test``."""
        epoch, epochs = self._trainer.current_epoch, self._trainer.max_epochs
        if self._trainer.state.fn != TrainerFn.FITTING:
            return True
        if self._images_every_n_epochs is not None:
            return (epoch + 1) % self._images_every_n_epochs == 0
        return tensorboard_writer(logger) is None or logs_images_in_epoch(epoch, epochs)

    def _write_strip(
        self, snapshot: Snapshot, prefix: str, names: Sequence[str] | None, metrics: Mapping[str, float]
    ) -> None:
        writers = [writer for logger in self._trainer.loggers if (writer := tensorboard_writer(logger)) is not None]
        if not writers:
            return
        epoch, method = self._trainer.current_epoch, self._explainer.name
        record = snapshot_record(snapshot, metrics)
        about = {
            "epoch": epoch,
            "step": self._trainer.global_step,
            "method": method,
            "settings": settings_line(self._explainer, unwrap(self._module)),
            "layer": ", ".join(snapshot.layers),
        }
        for writer in writers:
            if prefix not in self._prefixes_with_originals:
                write_originals(writer, snapshot, prefix, method, names, epoch)
            write_strip(writer, snapshot, prefix, method, record, about)
        self._prefixes_with_originals.add(prefix)

    def _write_scalars(self, metrics: dict[str, float]) -> None:
        """Log the metrics at an epoch's last step, as Lightning does, so that a checkpoint at its end follows them."""
        is_fitting = self._trainer.state.fn == TrainerFn.FITTING
        step = max(self._trainer.global_step - 1, 0) if is_fitting else self._trainer.global_step
        for logger in self._trainer.loggers:
            logger.log_metrics(metrics, step=step)


def _known_scalars(callback_metrics: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the scalars of the current epoch. The augmentation's are left out: it may log them later than this."""
    return {
        name: float(value)
        for name, value in callback_metrics.items()
        if value.numel() == 1 and not name.startswith("augmentation/")
    }
