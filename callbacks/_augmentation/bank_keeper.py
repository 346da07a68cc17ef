"""Upkeep of the saliency bank during training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.saliency_bank.carrying_dataset import CarryingDataset
from camaug.saliency_bank.carrying_loader import CarryingLoader, carrying_loader, check_loader
from camaug.saliency_bank.reader import BankReader
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank, bank_bytes

from .._logging.failure import Failure
from .._logging.warn_once import WarnOnce
from .._trainer.stages import end_if_terminated
from .._trainer.train_source import wrapped_train_source
from .bank_quality import BankQuality
from .carried_maps import carried_maps
from .generation import Generation
from .isolated_refresh import isolated_refresh
from .map_maker import MapMaker
from .open_bank import open_bank
from .processes import Processes

__all__ = ["BankKeeper"]

CHECKED_BATCHES = 10  # in each epoch, because a mix may be applied to some batches only


class BankKeeper:
    """Saliency bank of a training run: refreshed when due, with each image's map carried beside its batch.

    Every process makes its share of the maps and reads all of them. Rank zero decides which generation is made,
    continued or used.

    Args:
        trainer: The trainer, in ``setup``.
        pl_module: The module that trains.
        transform: The transform, whose explainer makes the maps.
        every_n_epochs: Number of epochs that a generation is used for.
        start_epoch: The first epoch with maps.
        directory: Directory of the bank; None for ``bank`` in the trainer's ``log_dir``, or where a resumed run had it.
        settings: Further settings that the maps depend on, in JSON's types.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        transform: GroupCamTransform,
        every_n_epochs: int,
        start_epoch: int,
        directory: str | None,
        settings: Mapping[str, Any],
    ) -> None:
        self._trainer = trainer
        self._module = pl_module
        self._every_n_epochs = every_n_epochs
        self._start_epoch = start_epoch
        self._given_directory = directory
        self._maker = MapMaker(trainer, pl_module, transform, settings)
        self._quality = BankQuality(trainer, transform)
        self._processes = Processes(trainer)
        self._warn_once = WarnOnce("GroupCamAugmentation", every_rank=True)
        self._bank: SaliencyBank | None = None
        self._resumed: Mapping[str, Any] = {}
        self._in_use: Generation | None = None
        self._batches = 0  # of this epoch
        self.measures_next_batch = False
        self._undo = ExitStack()
        self._undo.enter_context(wrapped_train_source(trainer, self._carrying))

    def prepare(self, epoch: int, *, is_active: bool) -> None:
        """Make the maps for this epoch available, after a refresh if one is due. All processes must call it.

        If new maps cannot be made, the old ones remain in use, and the next epoch tries again.

        Args:
            epoch: The epoch.
            is_active: False if the epoch needs no maps.
        """
        self._batches = 0
        if not is_active:
            if self._bank is not None:
                self._reader.serve(None)
            return
        loader = self._trainer.train_dataloader
        if not isinstance(loader, CarryingLoader):
            raise ValueError(
                f"{type(self._trainer.strategy).__name__} replaced the training DataLoader by a "
                f"{type(loader).__name__}, which cannot carry the saliency bank's maps: leave the bank off "
                "(refresh_every_n_epochs)"
            )
        due_epoch = epoch - (epoch - self._start_epoch) % self._every_n_epochs
        if self._resumed:
            self._resume(due_epoch)
        if self._in_use is None or self._in_use.epoch < due_epoch:
            self._refresh(epoch)
        self._reader.serve(None if self._in_use is None else self._in_use.number)

    @property
    def has_maps(self) -> bool:
        """True unless the first refresh failed."""
        return self._in_use is not None

    def maps_for(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the maps carried with the current batch (:func:`carried_maps`), measured after each refresh."""
        checks_labels = self._batches < CHECKED_BATCHES
        self._batches += 1
        maps = carried_maps(self._trainer.train_dataloader, images, labels, checks_labels=checks_labels)
        if self.measures_next_batch and self._trainer.is_global_zero:
            self._quality.log_carried(images, labels, maps)
        self.measures_next_batch = False
        return maps

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to use the same generation."""
        if self._in_use is None or self._bank is None:
            return dict(self._resumed)
        return self._in_use.state(self._bank.directory)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Use the generation of an interrupted run from the next epoch on."""
        self._resumed = state

    def close(self) -> None:
        """Restore the training data loader and release the bank's directory."""
        self._undo.close()

    def _carrying(self, loader: Any) -> CarryingLoader:
        """Return a loader of the user's batches that carries the maps, and open the bank at the first call."""
        check_loader(loader)
        self._maker.use_loader(loader)
        if self._bank is None:
            self._bank, lock = open_bank(self._trainer, self._given_directory, self._resumed.get("directory"))
            self._reader = BankReader(self._bank.directory)
            if lock is not None:
                self._undo.callback(lock.release)
        return carrying_loader(loader, CarryingDataset(loader.dataset, self._reader))

    def _resume(self, due_epoch: int) -> None:
        """Use the generation of the interrupted run if it is still there."""
        state, bank = self._resumed, self._open
        with isolated_refresh(self._trainer, self._module, self._maker.dataset):
            found = self._processes.on_rank_zero(
                lambda: Generation.find(bank, state, self._maker.record(deciding=False).fingerprint)
            )
        self._resumed = {}
        if not found.succeeded:
            self._report(found.failure)
        elif found.result is not None:
            self._use(found.result, int(state["epoch"]))
        elif int(state["epoch"]) >= due_epoch:
            rank_zero_warn(
                f"GroupCamAugmentation: the maps that the interrupted run used are no longer in {state['directory']}, "
                "or their settings have changed. New maps are made with the current model, so that the training run "
                "may differ from an uninterrupted one."
            )

    def _refresh(self, epoch: int) -> None:
        """Use maps of the current model, made now unless the bank has them already."""
        start = time.monotonic()
        before, bank = self._in_use, self._open
        with isolated_refresh(self._trainer, self._module, self._maker.dataset):
            plan = self._processes.on_rank_zero(lambda: _plan(bank, self._maker.record(deciding=True), before))
            if plan.result is None:
                self._report(plan.failure)
                return
            number, is_new = plan.result
            self._processes.check_visible(lambda: bank.record(number) is not None, bank.folder(number))
            if is_new:
                rank_zero_info("GroupCamAugmentation: making the saliency maps of all training images ...")
                shard, settings = bank.shard(number, self._trainer.global_rank), self._record(number).settings
                making = self._processes.in_step(self._maker.write_shard(shard, enlarged=bool(settings["enlarged"])))
                if not making.succeeded:
                    self._report(making.failure)
                    return
        record = self._use(number, epoch)
        megabytes = bank_bytes(record.count, record.grid) / 1e6
        origin = f"made in {time.monotonic() - start:.1f} s" if is_new else "of this model found"
        rank_zero_info(
            f"GroupCamAugmentation: {record.count} maps of {record.grid[0]}×{record.grid[1]} ({megabytes:.1f} MB) "
            f"{origin}, in {bank.folder(number)}"
        )
        self.measures_next_batch = True
        if self._trainer.is_global_zero:  # whose failure here leaves no other process waiting
            with self._warn_once.instead_of_error(self._trainer, "could not compare or remove older maps"):
                if before is not None:
                    self._quality.log_staleness(bank, before.number, number, self._maker.size)
                bank.keep_only({number} if before is None else {number, before.number})

    def _use(self, number: int, epoch: int) -> BankRecord:
        """Use a generation that all processes must see and together find complete, and return its record."""
        trainer, bank = self._trainer, self._open
        place = trainer.global_rank, trainer.world_size
        self._processes.check_visible(lambda: bank.is_share_whole(number, *place), bank.folder(number))
        self._in_use = Generation(number, epoch, self._record(number))
        return self._in_use.record

    def _report(self, failure: Failure | None) -> None:
        """Warn of this process's own failure, once for each cause."""
        if failure is None:
            return
        end_if_terminated(self._trainer)
        consequence = "the old maps remain in use" if self.has_maps else "images stay as they are"
        self._warn_once(
            failure.cause,
            f"{self._warn_once.name} could not make new maps in {self._open.directory}: {consequence}. Training goes "
            f"on, and the next epoch tries again. {failure.cause}. This is reported once.\n{failure.origin}",
        )

    def _record(self, number: int) -> BankRecord:
        record = self._open.record(number)
        assert record is not None, "all processes see the generation"
        return record

    @property
    def _open(self) -> SaliencyBank:
        assert self._bank is not None, "Lightning fetches the training loader, which opens the bank, before an epoch"
        return self._bank


def _plan(bank: SaliencyBank, record: BankRecord, before: Generation | None) -> tuple[int, bool]:
    """Return the generation to use, and True if it must be made or continued. Only rank zero calls it."""
    number = bank.find(record.model, record.fingerprint)
    if number is not None:
        return number, False
    return bank.begin(record, keep=() if before is None else (before.number,)), True
