"""What callbacks need of Lightning to look at images in the middle of anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels

__all__ = [
    "as_validation",
    "end_if_terminated",
    "first_loader",
    "images_on_device",
    "validation_or_training_loader",
]


def end_if_terminated(trainer: L.Trainer) -> None:
    """End where the process was told to: what fails then fails because of it, as processes that load data, told too.

    One of several processes goes on until Lightning ends them together.

    Raises:
        SIGTERMException: If the only process got a SIGTERM.
    """
    if trainer.received_sigterm and trainer.world_size == 1:
        raise SIGTERMException


@contextmanager
def as_validation(trainer: L.Trainer) -> Iterator[None]:
    """Let the hooks that move a batch see the validation stage, so that they do not augment it."""
    stage = trainer.state.stage
    if trainer.state.fn == TrainerFn.FITTING:
        trainer.validating = True
    try:
        yield
    finally:
        trainer.state.stage = stage


def images_on_device(trainer: L.Trainer, batch: Any) -> Tensor:
    """The images of a batch as the model gets them in validation."""
    with as_validation(trainer):
        batch = trainer.precision_plugin.convert_input(batch)
        batch = trainer.strategy.batch_to_device(batch, dataloader_idx=0)
    return find_images_and_labels(batch).images


def first_loader(loaders: Any) -> Any:
    """The loader itself, or the first of a list or dict of them."""
    while isinstance(loaders, list | tuple | dict):
        loaders = next(iter(loaders.values() if isinstance(loaders, dict) else loaders))
    return loaders


def validation_or_training_loader(trainer: L.Trainer) -> Any:
    """Return the first validation loader of ``fit``, or the first training loader if there is no validation."""
    loaders = trainer.val_dataloaders
    return first_loader(trainer.train_dataloader if loaders is None or loaders == [] else loaders)
