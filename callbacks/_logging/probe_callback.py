"""Base of the callbacks that explain the same images in the course of a training run."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from camaug.explainers import Explainer, as_explainer

from .._trainer.bound_forward import ModuleForward
from .._trainer.cadence import Cadence
from .._trainer.logging_step import logging_step
from .._trainer.publish_metrics import publish_metrics
from .._trainer.stages import validation_or_training_loaders
from .._trainer.strategies import sharding_problem
from .moment import Moment
from .probe_source import ProbeSource
from .probes import Probes
from .scaling_check import ScalingCheck
from .warn_once import WarnOnce

__all__ = ["ProbeCallback"]


class ProbeCallback(L.Callback, ABC):
    """Callback that chooses images at the start of ``fit``, ``validate`` and ``test``, and explains them at moments.

    A moment in validation is in ``on_validation_epoch_end``, which every callback has before any ``on_validation_end``,
    so that ``EarlyStopping`` and ``ModelCheckpoint`` find the metrics in whatever order the callbacks are listed. What
    also shows the module's own metrics is written in ``on_validation_end``, when these are known.

    It has a method for each of Lightning's hooks, and is therefore longer than other classes.

    Args:
        cadence: Moments in ``fit``.
        tag: First part of every tag in ``fit``, followed by ``_validate`` and ``_test`` in these stages.
        explainer: Name of a method, or an explainer.
        source: Source of the images.
        forward: ``forward(module, images)`` returns logits, None for the module's own forward.
        warns_on_every_rank: Whether every process warns, because each explains its own images.

    Raises:
        ValueError: If the tag has other characters than letters, digits, ``_``, ``-`` and ``.``, or the explainer's
            name is unknown.
    """

    def __init__(
        self,
        cadence: Cadence,
        tag: str,
        explainer: str | Explainer,
        source: ProbeSource,
        forward: ModuleForward | None,
        *,
        warns_on_every_rank: bool = False,
    ) -> None:
        if not re.fullmatch(r"[\w.-]+", tag):
            raise ValueError(f"`tag` must be of letters, digits, '_', '-' and '.', got {tag!r}")
        self.tag = tag
        self.explainer = as_explainer(explainer)
        self.forward = forward
        self._cadence, self._source = cadence, source
        self._warns_on_every_rank = warns_on_every_rank
        self._warn_once = self._create_warn_once()
        self._scaling_check = ScalingCheck(type(self).__name__, source.images)
        self._is_possible = True
        self._is_set_up = False
        self._known_metrics: dict[str, float] = {}

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint, different for every callback of this class in a Trainer."""
        key = self._generate_state_key(tag=self.tag, explainer=self.explainer.name)
        # A new Trainer refuses equal keys without naming an argument. Those of equal tags are refused in setup.
        return key if self._is_set_up else f"{key}-{id(self)}"

    @abstractmethod
    def _start(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        """Choose the images from the loaders."""

    @abstractmethod
    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        """Explain the images, and publish the metrics."""

    def _write(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        """Write what was explained and is not yet written, if anything."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        self._is_set_up = True
        _refuse_shared_tags(trainer, self)
        problem = sharding_problem(trainer, self)
        self._is_possible = not problem
        if problem:
            rank_zero_warn(f"{problem}. No image will be explained")
        self._warn_once = self._create_warn_once()
        self._known_metrics = {}
        self._cadence.reset()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images from the validation data, or else from the training data."""
        publish_metrics(trainer, self._known_metrics)
        self._cadence.start(trainer)
        if not getattr(trainer, "fast_dev_run", False) and (problem := self._cadence.problem(trainer)):
            rank_zero_info(f"{type(self).__name__}: {problem}")
        self._start(trainer, pl_module, validation_or_training_loaders(trainer))

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Explain and write after a batch that completes an interval of steps."""
        if self._cadence.is_due_after_batch(trainer):
            self._explain_and_write(trainer, pl_module, self._moment(trainer))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Explain and write after an epoch, if this was not done in its validation."""
        if self._cadence.is_due_after_epoch(trainer):
            self._explain_and_write(trainer, pl_module, self._moment(trainer, epoch_has_ended=True))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Explain and write at the end of the run, if this was not done after its last batch."""
        if self._cadence.is_due_at_end(trainer):
            self._explain_and_write(trainer, pl_module, self._last_moment(trainer))

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._start(trainer, pl_module, trainer.val_dataloaders)

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Observe the first batch."""
        if self.forward is None and self._is_possible:
            self._scaling_check.start(pl_module, batch)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Warn if the first batch's step scaled its images."""
        if (warning := self._scaling_check.end()) and not self._warn_once.has_failed:
            rank_zero_warn(warning)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Stop observing."""
        self._scaling_check.end()

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Explain the images in ``trainer.validate``, and in the validations of ``fit`` at which the callback works."""
        if trainer.state.fn == TrainerFn.VALIDATING or self._cadence.is_due_in_validation(trainer):
            self._explain(trainer, pl_module, self._moment(trainer))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what was explained in this validation."""
        if not trainer.sanity_checking:
            self._write(trainer, pl_module, self._moment(trainer))

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images."""
        self._start(trainer, pl_module, trainer.test_dataloaders)

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Explain the images."""
        self._explain(trainer, pl_module, self._moment(trainer))

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what was explained."""
        self._write(trainer, pl_module, self._moment(trainer))

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs to explain at the same moments, and the metrics that may be monitored."""
        return {"cadence": self._cadence.state_dict(), "metrics": self._known_metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the interrupted run."""
        self._cadence.load_state_dict(state_dict.get("cadence", {}))
        self._known_metrics = dict(state_dict.get("metrics", {}))

    def _publish(self, trainer: L.Trainer, metrics: Mapping[str, float]) -> None:
        self._known_metrics.update(metrics)
        publish_metrics(trainer, metrics)

    def _choose(self, trainer: L.Trainer, loaders: Any) -> tuple[Probes | None, Any]:
        """Return the images and their data set, or a warning and None."""
        name = type(self).__name__
        failure = "could not read its images, and will explain none"
        remedy = f"Say where they are: {name}(images=, labels=, loader=)"
        with self._warn_once.instead_of_error(trainer, failure, remedy=remedy):
            return self._source.choose(trainer, loaders)
        return None, None

    def _instead_of_error(self, trainer: L.Trainer, failure: str) -> AbstractContextManager[None]:
        """Turn an exception of the explainer into a warning."""
        name = type(self).__name__
        remedy = f"Give a function that returns logits, {name}(forward=), or another method, {name}(explainer=)"
        return self._warn_once.instead_of_error(trainer, failure, remedy=remedy)

    def _create_warn_once(self) -> WarnOnce:
        return WarnOnce(type(self).__name__, first_failure_only=True, every_rank=self._warns_on_every_rank)

    def _explain_and_write(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        self._explain(trainer, pl_module, moment)
        self._write(trainer, pl_module, moment)

    def _moment(self, trainer: L.Trainer, *, epoch_has_ended: bool = False) -> Moment:
        stages = {None: "", TrainerFn.VALIDATING: "_validate", TrainerFn.TESTING: "_test"}
        stage = stages.get(trainer.state.fn, "")
        return Moment(
            f"{self.tag}{stage}",
            logging_step(trainer, epoch_has_ended=epoch_has_ended),
            trainer.current_epoch,
            planned=None if stage else self._cadence.planned(trainer),
        )

    def _last_moment(self, trainer: L.Trainer) -> Moment:
        step, epoch = logging_step(trainer, epoch_has_ended=True), max(trainer.current_epoch - 1, 0)
        return Moment(self.tag, step, epoch, is_last=True)


def _refuse_shared_tags(trainer: L.Trainer, callback: ProbeCallback) -> None:
    """Raise if another callback of the Trainer would overwrite what this one logs."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    others = [other for other in callbacks if isinstance(other, ProbeCallback) and other is not callback]
    name = type(callback).__name__
    for other in others:
        shared = sorted(set(_prefixes(callback)) & set(_prefixes(other)))
        if shared:
            raise ValueError(
                f"{name}(tag={callback.tag!r}) and {type(other).__name__}(tag={other.tag!r}) would log under "
                f"{shared[0]!r}, each over the other's values: give one of them another tag, tag="
            )


def _prefixes(callback: ProbeCallback) -> tuple[str, ...]:
    return callback.tag, f"{callback.tag}_validate", f"{callback.tag}_test"
