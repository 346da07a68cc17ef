"""Snapshots on their way to the Trainer's loggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import lightning as L
from lightning.pytorch.loggers import Logger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.explainers import Explainer
from camaug.images.class_names import class_label

from .call_loggers import call_loggers
from .draw_snapshot import draw_overview, draw_panels
from .film_strip import snapshot_record, write_originals, write_strip
from .moment import Moment
from .safe_tag import safe_tag
from .snapshot import Snapshot
from .snapshot_header import snapshot_header
from .snapshot_metrics import snapshot_metrics
from .snapshot_style import SnapshotStyle
from .tensorboard_writer import tensorboard_writer
from .write_to_logger import write_to_logger

__all__ = ["SnapshotWriter"]


class SnapshotWriter:
    """Writer of snapshots: images for every logger, the film strip for the camaug tab, and scalars.

    Args:
        trainer: The Trainer, whose loggers are written to.
        pl_module: The model, whose settings the film strip names.
        explainer: The method of the snapshots.
        style: How the images are drawn, and how often.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        explainer: Explainer,
        style: SnapshotStyle,
    ) -> None:
        self._trainer, self._module = trainer, pl_module
        self._explainer = explainer
        self._style = style
        self._with_originals: set[tuple[SummaryWriter, str]] = set()

    def write(
        self,
        snapshot: Snapshot,
        moment: Moment,
        names: Sequence[str] | None,
        callback_metrics: Mapping[str, Tensor],
    ) -> None:
        """Write a snapshot.

        Args:
            snapshot: The snapshot.
            moment: Moment of the snapshot.
            names: Names of the classes, None for their indices.
            callback_metrics: Metrics that the Trainer knows, which the film strip repeats.
        """
        found = call_loggers(self._trainer, tensorboard_writer)
        is_due = partial(self._style.is_image_due, self._trainer, snapshot.number, moment)
        images = self._draw(snapshot, moment, names) if any(is_due(writer) for _, writer in found) else {}
        metrics = {f"{moment.prefix}/{name}": value for name, value in snapshot_metrics(snapshot).items()}
        known = _known_scalars(callback_metrics, f"{moment.prefix}/") | metrics

        def write(logger: Logger) -> None:
            writer = tensorboard_writer(logger)
            if writer is not None:
                self._write_strip(writer, snapshot, moment, names, known)
            write_to_logger(logger, images if is_due(writer) else {}, metrics, moment.step)

        call_loggers(self._trainer, write, [logger for logger, _ in found])

    def _draw(self, snapshot: Snapshot, moment: Moment, names: Sequence[str] | None) -> dict[str, Tensor]:
        """Return a panel (3, H, W) for each image, and the overview, by tag."""
        drawn = {}
        panels = draw_panels(snapshot, names, self._style.colormap, self._style.strength)
        for index, label, panel in zip(snapshot.indices, snapshot.labels, panels, strict=True):
            folder = "" if label is None else f"{safe_tag(class_label(names, label))}/"
            drawn[f"{moment.prefix}/{folder}{index}"] = panel
        overview = draw_overview(snapshot, names, self._style.colormap, self._style.strength)
        return drawn | {f"{moment.prefix}/overview": overview}

    def _write_strip(
        self,
        writer: SummaryWriter,
        snapshot: Snapshot,
        moment: Moment,
        names: Sequence[str] | None,
        metrics: Mapping[str, float],
    ) -> None:
        prefix, method = moment.prefix, self._explainer.name
        about = snapshot_header(moment, self._explainer, self._module, snapshot.layers)
        if (writer, prefix) not in self._with_originals:
            write_originals(writer, snapshot, prefix, method, names, moment.step)
            self._with_originals.add((writer, prefix))
        write_strip(writer, snapshot, prefix, method, snapshot_record(snapshot, metrics), about)


def _known_scalars(callback_metrics: Mapping[str, Tensor], own_prefix: str) -> dict[str, float]:
    """Return the scalars of other callbacks and the module.

    Those of this callback are of its previous snapshots. The augmentation may log its own later than this.
    """
    return {
        name: float(value)
        for name, value in callback_metrics.items()
        if value.numel() == 1 and not name.startswith((own_prefix, "augmentation/"))
    }
