"""Attention as figures during training, which checkpoints and early stopping can monitor."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torchmetrics import Metric

from camaug.explainers import Explainer, as_explainer
from camaug.inspection.neutral import neutral
from camaug.inspection.sharded_weights import whole_weights
from camaug.metrics import (
    ROAD,
    AverageDrop,
    Drift,
    EnergyInMask,
    GridPointingGame,
    InsertionDeletion,
    PointingGame,
    Trust,
    choose_mosaics,
    mosaic_maps,
)

from ._logging.choose_probes import choose_probes
from ._logging.probes import Probes
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._trainer.bound_forward import bind_forward
from ._trainer.stages import end_if_terminated, first_loader, images_on_device
from ._trainer.strategies import refuse_sharded

__all__ = ["CamEvaluator"]

METRICS: Mapping[str, Callable[[int, Explainer], Metric]] = {
    "insertion_deletion": lambda classes, explainer: InsertionDeletion(),
    "average_drop": lambda classes, explainer: AverageDrop(),
    "road": lambda classes, explainer: ROAD(),
    "drift": lambda classes, explainer: Drift(),
    "trust": lambda classes, explainer: Trust(explainer),
    "energy_in_mask": lambda classes, explainer: EnergyInMask(),
    "pointing_game": lambda classes, explainer: PointingGame(classes),
    "grid_pointing_game": lambda classes, explainer: GridPointingGame(),
}
NEED_MASKS = ("energy_in_mask", "pointing_game")
LOGGED_AS = {
    "road": "road_",
    "energy_in_mask": "object_",  # this one and the next know an area
    "pointing_game": "pointing_",
    "grid_pointing_game": "grid_",
}
ASK_THE_MODEL = ("insertion_deletion", "average_drop", "road", "trust")
DEFAULT_IMAGES = 32


@dataclass(frozen=True)
class _Seen:
    """Images (N, C, H, W), their maps (N, H, W) and the explained classes (N,)."""

    images: Tensor
    maps: Tensor
    targets: Tensor


class CamEvaluator(L.Callback):
    """Computes metrics of attention on the same images every few epochs, and logs them as any other metric.

    The images are those of the validation data, spread over the classes, and the maps those of their true classes.
    What is logged under ``cam/`` in ``fit`` can be monitored: ``ModelCheckpoint(monitor="cam/over_all", mode="max")``,
    ``EarlyStopping(monitor="cam/drift", mode="min")``. ``trainer.validate`` and ``trainer.test`` log under
    ``cam_validate/`` and ``cam_test/``. On several processes each evaluates its share of the images, and the metrics
    are synchronised: the figures are those of one process.

    =====================  ================================================================================
    name in ``metrics``    what is logged
    =====================  ================================================================================
    insertion_deletion     ``insertion``, ``deletion``, ``over_all`` (:class:`camaug.metrics.InsertionDeletion`)
    average_drop           ``average_drop``, ``increase`` (:class:`camaug.metrics.AverageDrop`)
    road                   ``road_most_relevant_first``, ``road_least_relevant_first``, ``road_combined``
                           (:class:`camaug.metrics.ROAD`); 19 forwards an image
    drift                  ``drift``, ``overlap`` since the last look (:class:`camaug.metrics.Drift`)
    trust                  ``constant_maps``, ``class_similarity``, ``head_similarity``, ``centre_bias``
                           (:class:`camaug.metrics.Trust`); explains each image twice more
    energy_in_mask           ``object_energy``, ``object_area``, where the data set has an ``object_mask(index)``
    pointing_game          ``pointing_accuracy``, ``pointing_area``, ``pointing_classes``, likewise
    grid_pointing_game     ``grid_localisation``, ``grid_chance``, on mosaics of 2 × 2 images of different classes, each
                           given at least half of the confidence (:class:`camaug.metrics.GridPointingGame`)
    =====================  ================================================================================

    An image whose mask is empty is left out of ``object_`` and ``pointing_`` figures, which a warning says.

    The training is not changed by it and does not end by it: a failure is a warning, and the other processes do not
    wait. A wrong setting is an error before the first batch.

    Args:
        metrics: Names of the metrics.
        explainer: The method: a name of ``camaug.list_explainers()``, or an explainer with its settings.
        images: Number of images; None for 32, or as many as there are.
        every_n_epochs: Evaluate after every n-th epoch; None for the last epoch alone.
        forward: ``forward(module, images)`` gives logits, for a LightningModule whose own forward does not.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> evaluator = CamEvaluator(["insertion_deletion", "drift"], explainer="grad-cam", images=16)
        >>> trainer = L.Trainer(callbacks=[evaluator], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        metrics: str | Sequence[str] = ("insertion_deletion", "average_drop", "drift"),
        explainer: str | Explainer = "group-cam",
        images: int | None = None,
        every_n_epochs: int | None = 1,
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
    ) -> None:
        for name, value in (("images", images), ("every_n_epochs", every_n_epochs)):
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}")
        metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        unknown = sorted(set(metrics) - set(METRICS))
        if unknown or not metrics:
            raise ValueError(f"`metrics` must be some of {', '.join(METRICS)}, got {', '.join(unknown) or 'none'}")
        self.metrics = tuple(metrics)
        self.explainer = as_explainer(explainer)
        self.images = images
        self.every_n_epochs = every_n_epochs
        self.forward = forward
        self._probes: Probes | None = None
        self._previous: dict[int, Tensor] = {}

    # Lightning's hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked before there are data."""
        refuse_sharded(trainer, self)
        self._probes = None
        self._previous = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images, and look at them once, so that drift is known from the first epoch on."""
        self._begin(trainer, trainer.val_dataloaders or trainer.train_dataloader)
        if "drift" in self.metrics:
            self._evaluate(trainer, pl_module, ["drift"])

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate after the epoch's validation, or in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._begin(trainer, trainer.val_dataloaders)
            self._log(trainer, pl_module, "cam_validate")
        elif self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate where there is no validation."""
        if not trainer.val_dataloaders and self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate."""
        self._begin(trainer, trainer.test_dataloaders)
        self._log(trainer, pl_module, "cam_test")

    # The work

    def _begin(self, trainer: L.Trainer, loaders: Any) -> None:
        probes = choose_probes(first_loader(loaders), self.images or DEFAULT_IMAGES, exactly=self.images is not None)
        missing = [name for name in self.metrics if name in NEED_MASKS and probes.masks is None]
        if missing:
            raise ValueError(
                f"CamEvaluator is to compute {', '.join(missing)}, and the data set has no method object_mask(index) "
                "that says where the objects are: leave it out, or give the data set one"
            )
        if any(name in NEED_MASKS for name in self.metrics):
            warn_of_empty_masks("CamEvaluator", probes)
        self._probes = probes
        rank_zero_info(
            f"CamEvaluator: {', '.join(self.metrics)} of {self.explainer.name}, {len(probes.indices)} images"
        )

    def _is_due(self, trainer: L.Trainer) -> bool:
        if trainer.sanity_checking:
            return False
        done = trainer.current_epoch + 1
        return done == trainer.max_epochs if self.every_n_epochs is None else done % self.every_n_epochs == 0

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        for name, metric in self._evaluate(trainer, pl_module, self.metrics).items():
            try:
                with warnings.catch_warnings():  # a process may have had no image
                    warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
                    # Every process comes here, whatever happened to its images: this waits for all of them.
                    figures = metric.compute()
            except ValueError:  # no process has an image to show for it
                rank_zero_warn(
                    f"CamEvaluator logs no {name} in epoch {trainer.current_epoch}: there was no image to compute it of"
                )
                continue
            start = f"{prefix}/{LOGGED_AS.get(name, '')}"
            values = {start + key: value.float() for key, value in figures.items()}
            pl_module.log_dict(values)

    def _evaluate(self, trainer: L.Trainer, pl_module: L.LightningModule, names: Sequence[str]) -> dict[str, Metric]:
        """The metrics, with this process's share of the images in them."""
        metrics: dict[str, Metric] = {}
        if self._probes is None:
            return metrics
        classes = 1 + max((label for label in self._probes.labels if label is not None), default=0)
        metrics = {name: METRICS[name](classes, self.explainer).to(pl_module.device) for name in names}
        try:
            with whole_weights(pl_module), isolate_rng():  # the hooks that move a batch may draw random numbers
                self._update(trainer, pl_module, metrics, self._probes)
        except Exception:
            end_if_terminated(trainer)
            of = f" of process {trainer.global_rank}" if trainer.world_size > 1 else ""
            warnings.warn(  # by the process that it happens to
                f"CamEvaluator could not evaluate all of its images{of} in epoch {trainer.current_epoch}; training "
                f"goes on.\n{traceback.format_exc()}",
                stacklevel=2,
            )
        return metrics

    def _update(
        self, trainer: L.Trainer, pl_module: L.LightningModule, metrics: dict[str, Metric], probes: Probes
    ) -> None:
        place = 0
        for number, batch in enumerate(probes.batches):
            images = images_on_device(trainer, batch)
            mine = slice(trainer.global_rank, None, trainer.world_size)
            labels = probes.labels[place : place + len(images)][mine]
            masks = None if probes.masks is None else probes.masks[place : place + len(images)][mine]
            place += len(images)
            if not labels:
                continue
            seen = self._look(trainer, pl_module, images[mine], labels)
            with trainer.precision_plugin.forward_context():
                for name, metric in metrics.items():
                    self._add(name, metric, pl_module, seen, masks, self._previous.get(number))
            self._previous[number] = seen.maps
        if "grid_pointing_game" in metrics:
            self._play_on_mosaics(trainer, pl_module, metrics["grid_pointing_game"], probes)

    def _play_on_mosaics(self, trainer: L.Trainer, pl_module: L.LightningModule, metric: Any, probes: Probes) -> None:
        """Every process chooses the same mosaics of all the images, and explains its share of them."""
        images = torch.cat([images_on_device(trainer, batch) for batch in probes.batches])
        known = [place for place, label in enumerate(probes.labels) if label is not None]
        labels = torch.tensor([probes.labels[place] for place in known], dtype=torch.int64, device=images.device)
        images = images[torch.tensor(known, dtype=torch.int64, device=images.device)]
        forward = self._forward(pl_module)
        with trainer.precision_plugin.forward_context():
            with neutral(pl_module):
                parts = [(forward or pl_module)(part) for part in images.split(DEFAULT_IMAGES)]
            probabilities = torch.cat(parts).float().softmax(dim=1)
            try:
                mosaics = choose_mosaics(probabilities.gather(1, labels[:, None])[:, 0].cpu(), labels.cpu())
            except ValueError as error:
                rank_zero_warn(f"CamEvaluator in epoch {trainer.current_epoch}: {error}")
                return
            for chosen in mosaics[trainer.global_rank :: trainer.world_size]:
                found = mosaic_maps(
                    self.explainer, pl_module, images, labels, [chosen], keep_size=True, forward=forward
                )
                metric.update(*found)

    def _look(
        self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, labels: Sequence[int | None]
    ) -> _Seen:
        known = [label for label in labels if label is not None]
        targets = torch.tensor(known, device=images.device) if len(known) == len(labels) else None
        with trainer.precision_plugin.forward_context():
            explanation = self.explainer(pl_module, images, targets, forward=self._forward(pl_module))
        return _Seen(images, explanation.maps, explanation.targets)

    def _add(
        self,
        name: str,
        metric: Any,
        pl_module: L.LightningModule,
        seen: _Seen,
        masks: Sequence[Tensor] | None,
        previous: Tensor | None,
    ) -> None:
        """Add what was seen to one metric, each of which asks for something else."""
        if name in ASK_THE_MODEL:
            metric.forward_function = self._forward(pl_module)
            metric.update(pl_module, seen.images, seen.maps, seen.targets)
        elif name in NEED_MASKS and masks is not None:
            where = torch.stack(list(masks)).to(seen.maps.device)
            there = where.flatten(1).any(dim=1)
            metric.update(seen.maps[there], where[there], *([seen.targets[there]] if name == "pointing_game" else []))
        elif name == "drift" and previous is not None:
            metric.update(seen.maps, previous)

    def _forward(self, pl_module: L.LightningModule) -> Callable[[Tensor], Tensor] | None:
        return bind_forward(self.forward, pl_module)
