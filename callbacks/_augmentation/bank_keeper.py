"""Keeping the saliency bank up to date while a model trains."""

from __future__ import annotations

import random
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from camaug.augmentation.batch import ImagesAndLabels, find_images_and_labels
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.explainers import Explanation
from camaug.functional.masks import map_iou, upsample
from camaug.inspection.model_digest import model_digest
from camaug.inspection.sharded_weights import whole_weights
from camaug.saliency_bank.carrying_dataset import CarryingDataset
from camaug.saliency_bank.carrying_loader import CarryingLoader, carrying_loader, check_loader, view_loader
from camaug.saliency_bank.maps_at_grid import maps_at_grid
from camaug.saliency_bank.reader import BankReader
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank, bank_bytes
from camaug.saliency_bank.untransformed import untransformed, view_size

from .._trainer.directory_lock import DirectoryLock
from .._trainer.stages import end_if_terminated
from .._trainer.train_source import wrap_train_source
from .bank_settings import bank_settings, batch_digest

__all__ = ["BankKeeper"]

T = TypeVar("T")

PIXEL_GRID = (16, 16)  # of methods that look at pixels alone
MEASURED_IMAGES = 32


@dataclass(frozen=True)
class Generation:
    """The generation in use: its number in the bank, the epoch that it was made in, and what it was made from."""

    number: int
    epoch: int
    record: BankRecord


class BankKeeper:
    """Stands between Lightning and the training data, and has each image's map ready beside its batch.

    Every process makes its share of the maps and reads all. What decides is rank zero: which generation is made,
    continued or served, and by whose buffers (batch-norm statistics differ between processes) maps are made.

    Args:
        trainer: The trainer, in ``setup``.
        module: The module that trains.
        transform: What explains.
        every_n_epochs: Epochs that a generation serves.
        start_epoch: The first epoch with maps.
        directory: Where the bank is; None for ``bank`` in the trainer's ``log_dir``, or in that of a resumed run.
        settings: What else the maps depend on, in JSON's types.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        transform: GroupCamTransform,
        every_n_epochs: int,
        start_epoch: int,
        directory: str | None,
        settings: Mapping[str, Any],
    ) -> None:
        self._trainer = trainer
        self._module = module
        self._transform = transform
        self._every = every_n_epochs
        self._start_epoch = start_epoch
        self._given_directory = directory
        self._settings = settings
        self._state: Mapping[str, Any] | None = None
        self._serving: Generation | None = None
        self._reader: BankReader | None = None
        self._lock: DirectoryLock | None = None
        self._probed: BankRecord | None = None
        self._to_be_measured = False
        self._warned: set[str] = set()
        self._undo = wrap_train_source(trainer, self._wrap)

    # What the callback calls

    def ensure(self, epoch: int) -> None:
        """Have maps to serve in this epoch: those in use, or new ones where they are due. Every process calls it.

        Where new ones cannot be made or written, the old ones serve on, and it is tried again in the next epoch.
        """
        if not isinstance(self._trainer.train_dataloader, CarryingLoader):
            raise ValueError(
                f"{type(self._trainer.strategy).__name__} put a {type(self._trainer.train_dataloader).__name__} in the "
                "place of the training DataLoader, through which the saliency bank cannot carry maps: leave the bank "
                "off (refresh_every_n_epochs)"
            )
        due = epoch - (epoch - self._start_epoch) % self._every
        if self._state is not None:
            self._take_up(self._state, due)
            self._state = None
        if self._serving is None or self._serving.epoch < due:
            self._refresh(epoch)
        self._bound_reader.serve(None if self._serving is None else self._serving.number)

    @property
    def has_maps(self) -> bool:
        """Whether there are maps to serve: there are, unless the first refresh failed."""
        return self._serving is not None

    def rest(self) -> None:
        """Carry no maps in this epoch."""
        if self._reader is not None:
            self._reader.serve(None)

    def maps_for(self, images: Tensor, labels: Tensor) -> Tensor:
        """The carried maps of the batch that was handed out last, (N, H, W) in [0, 1], on its device.

        Raises:
            ValueError: If they cannot be the maps of these images.
        """
        loader = self._trainer.train_dataloader
        maps: Tensor | None = loader.maps if isinstance(loader, CarryingLoader) else None
        expected = (len(images), *images.shape[2:])
        if maps is None or tuple(maps.shape) != expected:
            given = "none" if maps is None else f"maps {tuple(maps.shape)}"
            raise ValueError(
                f"the training DataLoader carried {given} where the images need {expected}: the number and size of "
                "images must not change after the data set's transform while the saliency bank is on "
                "(refresh_every_n_epochs)"
            )
        if labels.dim() == 2:
            raise ValueError(
                f"the batch has labels {tuple(labels.shape)}, probabilities: the saliency bank knows each image by "
                "itself, and such a batch may mix several (MixUp, CutMix). Mix in the training_step, or leave the bank "
                "off (refresh_every_n_epochs)"
            )
        return maps.to(images.device, non_blocking=True).float().div(255)

    @property
    def is_to_be_measured(self) -> bool:
        """Whether the next batch is the first after a refresh; on every process alike."""
        return self._to_be_measured

    @property
    def classes(self) -> int | None:
        """The model's number of classes; None before the first refresh."""
        return None if self._serving is None else self._serving.record.classes

    def measure(self, images: Tensor, labels: Tensor, carried: Tensor) -> None:
        """On the first batch after a refresh, log how like the carried masks are to the model's own of these views."""
        if not self._to_be_measured:
            return
        self._to_be_measured = False
        if not self._trainer.is_global_zero:
            return
        count = MEASURED_IMAGES
        with self._trainer.precision_plugin.forward_context():
            exact = self._transform.explain(images[:count], labels[:count]).maps
        self._log("augmentation/bank_iou", exact, carried[:count])

    def state_dict(self) -> dict[str, Any]:
        """Which generation is in use, so that a resumed run serves the very same."""
        if self._serving is None:
            return dict(self._state or {})
        record = self._serving.record
        return {
            "model": record.model,
            "settings": record.fingerprint,
            "epoch": self._serving.epoch,
            "directory": str(self._bank.directory),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take note of the generation that the interrupted run used."""
        self._state = state or None

    def close(self) -> None:
        """Give Lightning its training data back, and let others use the directory."""
        self._undo()
        if self._lock is not None:
            self._lock.release()

    # The loader

    def _wrap(self, loader: Any) -> CarryingLoader:
        check_loader(loader)
        with isolate_rng(include_cuda=False):
            self._size = view_size(loader.dataset)
        if self._reader is None:
            self._open_bank()
        self._loader: DataLoader[Any] = loader
        self._views: Dataset[Any] = untransformed(loader.dataset, self._size)
        return carrying_loader(loader, CarryingDataset(loader.dataset, self._bound_reader))

    @property
    def _bound_reader(self) -> BankReader:
        assert self._reader is not None, "Lightning asks for the training data first"
        return self._reader

    def _open_bank(self) -> None:
        """Choose the directory, alike on every process, and lock it."""
        trainer = self._trainer
        if self._given_directory is None:
            own = str(Path(trainer.log_dir or trainer.default_root_dir, "bank"))
            resumed = (self._state or {}).get("directory")
            choices = [resumed, own] if resumed and Path(resumed).is_dir() else [own]
        else:
            choices = [self._given_directory]
        chosen, reason = trainer.strategy.broadcast(self._locked(choices) if trainer.is_global_zero else ("", ""))
        if reason:
            raise ValueError(reason)
        self._bank = SaliencyBank(Path(chosen))
        self._reader = BankReader(Path(chosen))

    def _locked(self, choices: list[str]) -> tuple[str, str]:
        for choice in choices:
            if "://" in choice:
                return (
                    choice,
                    f"the saliency bank is mapped into memory and cannot be at {choice}: give a folder, bank_dir=",
                )
            self._lock = DirectoryLock(Path(choice).absolute())
            try:
                if self._lock.take():
                    return str(Path(choice).absolute()), ""
            except OSError as error:
                return "", f"the saliency bank cannot be written to {choice} ({error}): give another folder, bank_dir="
        return "", f"the saliency bank in {choices[-1]} is in use by another run: give another folder, bank_dir="

    # Refreshing

    def _take_up(self, state: Mapping[str, Any], due: int) -> None:
        """Use the generation that the interrupted run used."""
        with self._looking():
            number, failure = self._decide(lambda: _attempt(lambda: self._located(state)))
        if failure:
            if self._trainer.is_global_zero:
                self._report(failure)
        elif number is not None:
            self._agree(self._bank.is_whole(number), number)
            self._serving = self._generation(number, int(state["epoch"]))
        elif int(state["epoch"]) >= due:
            rank_zero_warn(
                f"GroupCamAugmentation: the maps that the interrupted run used are no longer in {state['directory']}, "
                "or their settings are no longer the same. New ones are made by the model as it is now, and the "
                "training is not the very same that the uninterrupted one would have been."
            )

    def _located(self, state: Mapping[str, Any]) -> int | None:
        fingerprint = self._probe().fingerprint
        if fingerprint != state["settings"]:
            return None
        number = self._bank.find(state["model"], fingerprint)
        other = SaliencyBank(Path(state["directory"]))
        if number is not None or other.directory == self._bank.directory:
            return number
        there = other.find(state["model"], fingerprint)
        return None if there is None else self._bank.copy_from(other, there)

    def _refresh(self, epoch: int) -> None:
        started = time.monotonic()
        before = self._serving
        with self._looking():
            plan, failure = self._decide(lambda: _attempt(lambda: self._plan(before)))
            if plan is None:
                if self._trainer.is_global_zero:
                    self._report(failure)
                return
            number, is_new, enlarged = plan
            self._agree(self._bank.record(number) is not None, number)
            if is_new:
                rank_zero_info(
                    f"GroupCamAugmentation: all training images are being explained, for epoch {epoch} and on"
                )
                _, failure = _attempt(lambda: self._explain_share(number, enlarged))
                if failure:
                    self._report(failure)
                if not self._trainer.strategy.reduce_boolean_decision(not failure, all=True):
                    return
        self._agree(self._bank.is_whole(number), number)
        self._serving = self._generation(number, epoch)
        self._to_be_measured = True
        record = self._serving.record
        if is_new:
            rank_zero_info(
                f"GroupCamAugmentation: {record.count} maps of {record.grid[0]}×{record.grid[1]} "
                f"({bank_bytes(record.count, record.grid) / 1e6:.1f} MB) made in {time.monotonic() - started:.1f} s, "
                f"in {self._bank.folder(number)}"
            )
        else:
            rank_zero_info(f"GroupCamAugmentation: maps of this very model found in {self._bank.folder(number)}")
        if self._trainer.is_global_zero:
            in_use = {number} if before is None else {number, before.number}
            if before is not None:
                self._measure_staleness(before.number, number)
            self._bank.keep_only(in_use)

    def _report(self, failure: str) -> None:
        """Warn of this process's own failure, once for each cause."""
        end_if_terminated(self._trainer)
        cause = failure.strip().splitlines()[-1]
        if cause in self._warned:
            return
        self._warned.add(cause)
        serving = "the old ones serve on" if self.has_maps else "there are none yet, and images stay as they are"
        warnings.warn(
            f"GroupCamAugmentation could not make new maps in {self._bank.directory}: {serving}. Training goes on, and "
            f"it is tried again in the next epoch. The same cause is not reported again.\n{failure}",
            stacklevel=2,
        )

    def _plan(self, before: Generation | None) -> tuple[int, bool, bool]:
        """By rank zero: the generation to serve, whether it is still to be made, how maps are sampled."""
        record = self._probe()
        enlarged = bool(record.settings["enlarged"])
        number = self._bank.find(record.model, record.fingerprint)
        if number is not None:
            return number, False, enlarged
        return self._bank.begin(record, keep=() if before is None else (before.number,)), True, enlarged

    def _probe(self) -> BankRecord:
        """By rank zero: what a generation would be made from now; explains three images, once."""
        if self._probed is None:
            count = len(self._views)  # type: ignore[arg-type]
            indices = [0, count // 2, count - 1]
            batch = next(iter(view_loader(self._loader, self._views, [indices])))
            # A resumed run asks once more than the uninterrupted one, and must decide at the same places.
            explanation = self._explain(batch, deciding=self._state is None)
            settings = {
                **self._settings,
                **bank_settings(self._trainer, self._module, self._transform, self._views, self._size),
                "pixels": batch_digest(batch),
                "layers": list(explanation.layers),
                "enlarged": explanation.grid is not None,
            }
            grid, classes = explanation.grid or PIXEL_GRID, explanation.logits.shape[1]
            self._probed = BankRecord(count, grid, classes, self._trainer.world_size, "", settings)
        probed = self._probed
        model = model_digest(self._module)
        return BankRecord(probed.count, probed.grid, probed.classes, probed.world_size, model, probed.settings)

    def _explain_share(self, number: int, enlarged: bool) -> None:
        """Make the maps of this process's images that are still missing."""
        shard = self._bank.shard(number, self._trainer.global_rank)
        size = self._loader.batch_size or getattr(self._loader.batch_sampler, "batch_size", None) or MEASURED_IMAGES
        done = shard.written_rows()
        # Always the same batches, so that a map is the same to the last bit whether the making was interrupted or not.
        batches = [range(start, min(start + size, shard.rows)) for start in range(0, shard.rows, size)]
        missing = [rows for rows in batches if not done[rows.start : rows.stop].all()]
        indices = [[row * shard.world_size + shard.rank for row in rows] for rows in missing]
        loader = view_loader(self._loader, self._views, indices)
        for rows, batch in zip(missing, loader, strict=True):
            maps = self._explain(batch).maps
            if len(maps) != len(rows):
                raise ValueError(
                    f"the training DataLoader's collate_fn made {len(maps)} images of {len(rows)} items, and the "
                    "saliency bank cannot say which: collate every item, or leave the bank off (refresh_every_n_epochs)"
                )
            shard.write(rows.start, maps_at_grid(maps, shard.grid, enlarged=enlarged).cpu().numpy())
        shard.seal()

    def _explain(self, batch: Any, *, deciding: bool = True) -> Explanation:
        """Explain a batch of views after all that Lightning does to a training batch."""
        trainer = self._trainer
        batch = trainer.precision_plugin.convert_input(batch)
        batch = self._module._on_before_batch_transfer(batch, dataloader_idx=0)
        images, labels = self._found(trainer.strategy.batch_to_device(batch, dataloader_idx=0))
        with trainer.precision_plugin.forward_context():
            return self._transform.explain(images, labels, deciding=deciding)  # type: ignore[arg-type]

    def _found(self, batch: Any) -> ImagesAndLabels:
        found = find_images_and_labels(batch)
        self._transform.check_inputs(list(found))
        return found

    def _generation(self, number: int, epoch: int) -> Generation:
        record = self._bank.record(number)
        assert record is not None, "all processes agreed that it is whole"
        return Generation(number, epoch, record)

    # All processes together

    def _decide(self, question: Any) -> Any:
        """Rank zero's answer, on every process."""
        return self._trainer.strategy.broadcast(question() if self._trainer.is_global_zero else None)

    def _agree(self, is_seen: bool, number: int) -> None:
        """Stop all processes where one of them does not see what another has written."""
        if not self._trainer.strategy.reduce_boolean_decision(is_seen, all=True):
            raise RuntimeError(
                f"not every process sees what others wrote in {self._bank.folder(number)}: give a folder on a file "
                "system that all of them share, bank_dir="
            )

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Leave training's random numbers and buffers as they are; draw the same in every refresh."""
        buffers = _buffers_of_rank_zero(self._module, self._trainer.world_size)
        with isolate_rng(), whole_weights(self._module), buffers:
            random.seed(0)
            np.random.seed(0)
            torch.manual_seed(0)
            yield

    # How good the maps are

    def _measure_staleness(self, old: int, new: int) -> None:
        if old == new:
            return
        count = len(self._views)  # type: ignore[arg-type]
        measured = min(count, MEASURED_IMAGES)
        chosen = [place * count // measured for place in range(measured)]
        maps = [torch.from_numpy(self._bank.read(number, chosen)).float()[:, None] for number in (new, old)]
        self._log("augmentation/bank_staleness_iou", *(upsample(each, self._size)[:, 0] for each in maps))

    def _log(self, name: str, maps: Tensor, others: Tensor) -> None:
        """Log the overlap of masks, of the images whose map has evidence."""
        has_evidence = maps.amax(dim=(1, 2)) > 0
        if not has_evidence.any():
            return
        value = float(map_iou(maps, others)[has_evidence].mean())
        for logger in self._trainer.loggers:
            logger.log_metrics({name: value}, step=self._trainer.global_step)


def _attempt(do: Callable[[], T]) -> tuple[T | None, str]:
    """What is given, or None and why: a failure of one process that the others must hear of. Wrong input is raised."""
    try:
        return do(), ""
    except (ValueError, TypeError):
        raise
    except Exception:
        return None, traceback.format_exc()


@contextmanager
def _buffers_of_rank_zero(module: L.LightningModule, world_size: int) -> Iterator[None]:
    """Have the buffers of rank zero on every process, which are those that a checkpoint keeps."""
    if world_size == 1:
        yield
        return
    with torch.no_grad():
        kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
        for buffer, _ in kept:
            torch.distributed.broadcast(buffer, src=0)
        try:
            yield
        finally:
            for buffer, own in kept:
                buffer.copy_(own)
