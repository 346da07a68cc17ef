"""The probe images of a callback, from the data loaders of the Trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import nn

from camaug.augmentation.batch_leaves import Selector, select
from camaug.inspection.model_precision import in_model_precision
from camaug.inspection.multi_label_loss import has_multi_label_loss

from .._trainer.choose_loader import choose_loader
from .._trainer.stages import transfer_batch
from .batch_of_loaders import BatchOfLoaders, has_batch_hooks
from .choose_probes import choose_probes
from .probes import Probes
from .read_batch import ReadBatch, read_batch

__all__ = ["ProbeSource"]


@dataclass(frozen=True)
class ProbeSource:
    """Source of a callback's probe images: a loader, and the parts of its batches.

    Attributes:
        callback: Name of the callback, the first word of every message.
        count: Number of images, None for the default.
        default: Number of images, or of all of a smaller data set, if ``count`` is None.
        loader: Name or number of the data loader, None for the first one.
        images: Where the images are in a batch, None to find them.
        labels: Where the labels are in a batch, None to find them.
        multi_label: Whether rows of labels are classes that do not exclude each other, None to find out.
    """

    callback: str
    count: int | None
    default: int
    loader: str | int | None
    images: Selector | None
    labels: Selector | None
    multi_label: bool | None = None

    def choose(self, trainer: L.Trainer, loaders: Any) -> tuple[Probes, Any]:
        """Choose the images, and return them with their data set, None if the loader has none.

        Raises:
            ValueError: If there are no images, or they cannot be found in a batch.
        """
        loader, number, name, message = choose_loader(loaders, self.loader)
        if message:
            rank_zero_info(f"{self.callback}: {message}")
        are_joined = bool(message) and loaders is trainer.train_dataloader and has_batch_hooks(trainer)
        joined = BatchOfLoaders(loaders, loader)

        def read(batch: Any) -> ReadBatch:
            if are_joined:
                moved = select(transfer_batch(trainer, joined(batch)), name)
            else:
                moved = transfer_batch(trainer, batch, number)
            found = read_batch(moved, self.images, self.labels)
            return found._replace(images=in_model_precision(found.images, trainer.lightning_module))

        probes = choose_probes(
            loader,
            self.count or self.default,
            exactly=self.count is not None,
            read=read,
            warn=lambda sentence: rank_zero_warn(f"{self.callback}: {sentence}"),
        )
        return probes, getattr(loader, "dataset", None)

    def with_classes(self, probes: Probes, classes: int, model: nn.Module) -> Probes:
        """Return the images with their labels, or without any and with a warning if they do not fit the model."""
        multi_label = has_multi_label_loss(model) or None if self.multi_label is None else self.multi_label
        try:
            return probes.with_classes(classes, multi_label)
        except ValueError as error:
            rank_zero_warn(f"{self.callback} takes the images as unlabelled: {error}")
            return probes
