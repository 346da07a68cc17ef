"""`SnapshotStyle`, the settings of how snapshots are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.tensorboard import SummaryWriter

from camaug.images.normalisation import Normalisation, channel_values

from .check_arguments import check_display, check_overlay, check_positive
from .image_display import ImageDisplay
from .logged_snapshots import logs_images_of
from .moment import Moment
from .warn_once import WarnOnce

__all__ = ["SnapshotStyle"]


@dataclass(frozen=True)
class SnapshotStyle:
    """Settings of how snapshots are shown.

    Attributes:
        colormap: Colours of the heatmaps.
        strength: Share of the heatmap in the overlay, in [0, 1].
        mean: Mean by which the images were normalised, None for the data's.
        std: Standard deviation, in the same way.
        bands: Indices of the channels that are shown, None for the first ones.
        class_names: Names of the classes, None for the data's.
        images_every_n_snapshots: Snapshots between two with images, None for the default of each logger.

    Raises:
        ValueError: If a value is out of range.
    """

    colormap: str
    strength: float
    mean: float | Sequence[float] | None
    std: float | Sequence[float] | None
    bands: Sequence[int] | None
    class_names: Sequence[str] | None
    images_every_n_snapshots: int | None

    def __post_init__(self) -> None:
        check_overlay(self.colormap, self.strength)
        check_display(self.bands, mean=self.mean, std=self.std)
        check_positive(images_every_n_snapshots=self.images_every_n_snapshots)

    def find_display(self, trainer: L.Trainer, dataset: Any, channels: int, warn_once: WarnOnce) -> ImageDisplay:
        """Return the display of images with a number of channels, and warn about settings that do not fit them."""
        given = Normalisation(channel_values(self.mean), channel_values(self.std))

        def warn(sentence: str) -> None:
            warn_once(sentence, f"{warn_once.name}: {sentence}")

        return ImageDisplay.find(trainer, dataset, channels, warn, given=given, bands=self.bands)

    def is_image_due(self, trainer: L.Trainer, number: int, moment: Moment, writer: SummaryWriter | None) -> bool:
        """Return True if a logger gets images of a snapshot, as every logger does in ``validate`` and ``test``.

        Args:
            trainer: The Trainer.
            number: Number of snapshots before this one.
            moment: Moment of the snapshot.
            writer: TensorBoard's writer of the logger, None for loggers of other kinds.
        """
        if trainer.state.fn != TrainerFn.FITTING or moment.is_last:
            return True
        if self.images_every_n_snapshots is not None:
            return (number + 1) % self.images_every_n_snapshots == 0
        return writer is None or logs_images_of(number, moment.planned)
