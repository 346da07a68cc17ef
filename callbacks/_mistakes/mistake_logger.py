"""Validation images that the model gets wrong, found and explained for each snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from camaug.utils.own_generators import preserved_own_generators
from camaug.utils.preserved_random_state import preserved_random_state

from .._logging.load_batches import has_items, load_masks
from .._logging.probe_source import ProbeSource
from .._logging.snapshot_taker import SnapshotTaker
from .._logging.warn_once import WarnOnce
from .._trainer.choose_loader import choose_loader
from .._trainer.trainer_progress import trainer_progress
from .chosen_images import ChosenImages
from .explained_mistakes import ExplainedMistakes, explain_mistakes
from .validation_watch import ValidationWatch

__all__ = ["MistakeLogger"]


class MistakeLogger:
    """Part of ``CamLogger`` that chooses validation images as they pass, and explains them with the next snapshot.

    Every process watches its own batches. Rank zero alone explains.

    Args:
        budget: Number of images that are explained in a snapshot, None to do nothing.
        source: The data loader, and the parts of its batches.
        warn_once: Warnings of the callback.
    """

    def __init__(self, budget: int | None, source: ProbeSource, warn_once: WarnOnce) -> None:
        self._budget, self._source, self._warn_once = budget, source, warn_once
        self._watch: ValidationWatch | None = None
        self._loader: Any = None
        self._loader_number = 0
        self._resumed: dict[str, Any] = {}
        self._told: set[str] = set()
        self._chosen: ChosenImages | None = None  # on rank zero, until they are explained
        self._is_pending = False

    def setup(self, pl_module: L.LightningModule | None, warn_once: WarnOnce) -> None:
        """Prepare for a run of the module, None to do nothing."""
        self._chosen, self._watch, self._warn_once, self._is_pending = None, None, warn_once, False
        if self._budget is not None and pl_module is not None:
            source = self._source
            self._watch = ValidationWatch(pl_module, source.images, source.labels, self._budget, self._tell)
            self._watch.load_state_dict(self._resumed)

    def start_validation(self, trainer: L.Trainer, loaders: Any, classes: int, *, several: bool) -> None:
        """Begin a validation. Every process must call this.

        Args:
            trainer: The Trainer.
            loaders: The Trainer's data loaders.
            classes: Number of the model's classes, 0 if it is unknown. Rank zero's counts.
            several: Whether an image may have several labels. Rank zero's counts.
        """
        if self._watch is None:
            return
        self._chosen, self._is_pending = None, False
        classes, several = trainer.strategy.broadcast((classes, several))
        with self._warn_once.instead_of_error(trainer, "could not watch the validation for mistakes"):
            self._loader, self._loader_number, *_ = choose_loader(loaders, self._source.loader)
            self._watch.start_validation(trainer, self._loader, classes, several=several)

    def start_step(self, trainer: L.Trainer, loader_number: int) -> None:
        """Observe a validation step, if it is of the loader of the probe images."""
        if self._watch is not None and (trainer.sanity_checking or loader_number == self._loader_number):
            self._watch.start_step()

    def end_step(self, trainer: L.Trainer, batch: Any, loader_number: int) -> None:
        """Keep what may be chosen of a batch."""
        if self._watch is None:
            return
        if trainer.sanity_checking:
            self._watch.learn_step()
        elif loader_number == self._loader_number:
            with self._warn_once.instead_of_error(trainer, "could not look for mistakes in a validation batch"):
                self._watch.end_step(batch)

    def finish_validation(self, trainer: L.Trainer, step: int) -> None:
        """Choose the images of all processes. Every process must call this."""
        if self._watch is not None:
            self._chosen = self._watch.finish(trainer, step)
            self._is_pending = True

    def are_pending(self) -> bool:
        """Return True if a validation was watched since the last explanation, the same in every process."""
        return self._is_pending

    def stop(self) -> None:
        """End the observation of a step that failed."""
        if self._watch is not None:
            self._watch.stop()

    def explain(
        self, trainer: L.Trainer, pl_module: L.LightningModule, taker: SnapshotTaker
    ) -> ExplainedMistakes | None:
        """Explain the images of the last validation, once. Return None without any."""
        chosen, self._chosen = self._chosen, None
        self._is_pending = False
        if chosen is None or not chosen.choices:
            return None
        track = partial(trainer_progress, trainer, description="explaining mistakes")
        masks = self._load_masks(chosen)
        return explain_mistakes(chosen, taker.explain, pl_module, pl_module.device, masks, track)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to name the images that became wrong."""
        return {} if self._watch is None else self._watch.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the interrupted run."""
        self._resumed = state_dict
        if self._watch is not None:
            self._watch.load_state_dict(state_dict)

    def _load_masks(self, chosen: ChosenImages) -> list[Tensor | None] | None:
        indices = [index for index in chosen.indices if index is not None]
        if len(indices) != len(chosen.indices) or not has_items(self._loader):
            return None
        with preserved_random_state(seed=0), preserved_own_generators(self._loader.dataset):
            masks = load_masks(self._loader, indices)
        size = chosen.images.shape[2:]
        return None if masks is None else [_usable_mask(mask, size) for mask in masks]

    def _tell(self, sentence: str) -> None:
        """Log why images are missing, once. It is no warning, because the heatmaps of the probe images are complete."""
        if sentence not in self._told:
            self._told.add(sentence)
            rank_zero_info(f"{self._warn_once.name}: {sentence}")


def _usable_mask(mask: Any, size: Sequence[int]) -> Tensor | None:
    """Return a boolean mask of the image's size, or None in place of anything else."""
    is_mask = isinstance(mask, Tensor) and mask.dtype == torch.bool and tuple(mask.shape) == tuple(size)
    return mask if is_mask else None
