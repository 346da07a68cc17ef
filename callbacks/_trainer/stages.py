"""Batches, loaders and stages of the Trainer, as callbacks need them between two hooks."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import RunningStage, TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = [
    "as_validation",
    "end_if_terminated",
    "first_loader",
    "has_validation",
    "runs_validation",
    "transfer_batch",
    "validation_or_training_loaders",
]


def end_if_terminated(trainer: L.Trainer) -> None:
    """Raise if the process was told to end, because a failure is then a consequence, as of loader processes told too.

    With several processes, each continues until Lightning ends all of them.

    Raises:
        SIGTERMException: If the only process got a SIGTERM.
    """
    if trainer.received_sigterm and trainer.world_size == 1:
        raise _sigterm_exception(trainer)


def _sigterm_exception(trainer: L.Trainer) -> type[BaseException]:
    """Return the exception that the trainer's own package expects, ``lightning`` or ``pytorch_lightning``."""
    package = type(trainer).__module__.split(".")[0]
    exceptions = sys.modules.get(f"{package}.utilities.exceptions")
    exception: type[BaseException] = getattr(exceptions, "SIGTERMException", SIGTERMException)
    return exception


def as_validation(trainer: L.Trainer) -> AbstractContextManager[None]:
    """Set the validation stage inside a block of ``fit``, so that the hooks that move a batch do not augment it."""
    is_fitting = trainer.state.fn == TrainerFn.FITTING
    return replaced_attribute(trainer.state, "stage", RunningStage.VALIDATING if is_fitting else trainer.state.stage)


def transfer_batch(trainer: L.Trainer, batch: Any, loader_index: int = 0) -> Any:
    """Return a batch on the device, as the model gets it in validation."""
    with as_validation(trainer):
        batch = trainer.precision_plugin.convert_input(batch)
        batch = trainer.lightning_module._on_before_batch_transfer(batch, dataloader_idx=loader_index)
        return trainer.strategy.batch_to_device(batch, dataloader_idx=loader_index)


def first_loader(loaders: Any) -> Any:
    """Return the first loader of nested lists or dictionaries, or the loader itself."""
    while isinstance(loaders, list | tuple | dict):
        loaders = next(iter(loaders.values() if isinstance(loaders, dict) else loaders))
    return loaders


def has_validation(trainer: L.Trainer) -> bool:
    """Return True if ``fit`` has validation data. A loader's own truth value is its length, which streams lack."""
    return trainer.val_dataloaders is not None and trainer.val_dataloaders != []


def runs_validation(trainer: L.Trainer) -> bool:
    """Return True if ``fit`` validates, now or in a later epoch that has not fetched its loaders yet."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    return trainer.enable_validation and (loop._combined_loader is None or not loop.skip)


def validation_or_training_loaders(trainer: L.Trainer) -> Any:
    """Return the validation loaders of ``fit``, or the training loaders if there is no validation."""
    return trainer.val_dataloaders if has_validation(trainer) else trainer.train_dataloader
