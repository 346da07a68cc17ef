"""Metrics of heatmaps during training, for checkpoints and early stopping."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.preserved_random_state import preserved_random_state

from ._logging.check_arguments import check_positive
from ._logging.choose_probes import choose_probes
from ._logging.evaluated_metrics import EVALUATED_METRICS
from ._logging.explained_batch import ExplainedBatch
from ._logging.probes import Probes
from ._logging.update_on_mosaics import update_on_mosaics
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.stages import (
    end_if_terminated,
    first_loader,
    has_validation,
    images_on_device,
    validation_or_training_loader,
)
from ._trainer.strategies import refuse_sharded

__all__ = ["CamEvaluator"]

DEFAULT_IMAGES = 32


class CamEvaluator(L.Callback):
    """Callback that computes metrics of heatmaps on the same images every few epochs, and logs them.

    The images come from the validation data, spread over the classes, and are explained for their true classes. In
    ``fit`` everything under ``cam/`` can be monitored: ``ModelCheckpoint(monitor="cam/over_all", mode="max")``,
    ``EarlyStopping(monitor="cam/drift", mode="min")``. ``trainer.validate`` and ``trainer.test`` log under
    ``cam_validate/`` and ``cam_test/``. Each process evaluates its share of the images, and the metrics are
    synchronised, so that their values are those of one process.

    =====================  ================================================================================
    name in ``metrics``    logged values
    =====================  ================================================================================
    insertion_deletion     ``insertion``, ``deletion``, ``over_all`` (:class:`camaug.metrics.InsertionDeletion`)
    average_drop           ``average_drop``, ``increase`` (:class:`camaug.metrics.AverageDrop`)
    road                   ``road_most_relevant_first``, ``road_least_relevant_first``, ``road_combined``
                           (:class:`camaug.metrics.ROAD`); 19 forward passes an image
    drift                  ``drift``, ``overlap`` since the previous evaluation (:class:`camaug.metrics.Drift`)
    trust                  ``constant_maps``, ``class_similarity``, ``head_similarity``, ``centre_bias``
                           (:class:`camaug.metrics.Trust`); explains each image twice more
    energy_in_mask         ``object_energy``, ``object_area``, if the data set has ``object_mask(index)``
    pointing_game          ``pointing_accuracy``, ``pointing_area``, ``pointing_classes``, if it has masks, too
    grid_pointing_game     ``grid_localisation``, ``grid_chance`` on mosaics of 2 × 2 images of different classes, each
                           predicted with at least 50 % (:class:`camaug.metrics.GridPointingGame`)
    =====================  ================================================================================

    Images whose mask is empty are left out of the ``object_`` and ``pointing_`` values, with a warning.

    The training run is neither changed nor ended: only wrong arguments are errors, before the first batch, and any
    later failure is a warning, for which no other process waits.

    Args:
        metrics: Names of the metrics.
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer.
        images: Number of images. None for 32, or for all of a smaller data set.
        every_n_epochs: Epochs between two evaluations, None for the last epoch alone.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.

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
        forward: ModuleForward | None = None,
    ) -> None:
        check_positive(images=images, every_n_epochs=every_n_epochs)
        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        unknown = sorted(set(self.metrics) - set(EVALUATED_METRICS))
        if unknown or not self.metrics:
            raise ValueError(
                f"`metrics` must be some of {', '.join(EVALUATED_METRICS)}, got {', '.join(unknown) or 'none'}"
            )
        self.explainer = as_explainer(explainer)
        self.images = images
        self.every_n_epochs = every_n_epochs
        self.forward = forward
        self._probes: Probes | None = None
        self._previous_maps: dict[int, Tensor] = {}  # of each batch

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        refuse_sharded(trainer, self)
        self._probes = None
        self._previous_maps = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain them once, so that the first epoch has a drift."""
        self._choose_probes(validation_or_training_loader(trainer))
        if "drift" in self.metrics:
            self._evaluate(trainer, pl_module, ["drift"])

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate after an epoch's validation and in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._choose_probes(first_loader(trainer.val_dataloaders))
            self._log(trainer, pl_module, "cam_validate")
        elif self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate if there is no validation."""
        if not has_validation(trainer) and self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate."""
        self._choose_probes(first_loader(trainer.test_dataloaders))
        self._log(trainer, pl_module, "cam_test")

    def _choose_probes(self, loader: Any) -> None:
        probes = choose_probes(loader, self.images or DEFAULT_IMAGES, exactly=self.images is not None)
        of_objects = [name for name in self.metrics if EVALUATED_METRICS[name].needs_masks]
        if of_objects and probes.masks is None:
            raise ValueError(
                f"CamEvaluator cannot compute {', '.join(of_objects)}, because the data set has no method "
                "object_mask(index) that returns the mask of the objects: add the method, or leave these metrics out"
            )
        if of_objects:
            warn_of_empty_masks("CamEvaluator", probes)
        self._probes = probes
        rank_zero_info(
            f"CamEvaluator: {', '.join(self.metrics)} of {self.explainer.name}, {len(probes.indices)} images"
        )

    def _is_due(self, trainer: L.Trainer) -> bool:
        if trainer.sanity_checking:
            return False
        epochs = trainer.current_epoch + 1
        return epochs == trainer.max_epochs if self.every_n_epochs is None else epochs % self.every_n_epochs == 0

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        for name, metric in self._evaluate(trainer, pl_module, self.metrics).items():
            try:
                with warnings.catch_warnings():  # a process may have had no image
                    warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
                    # Every process gets here, whatever happened to its images, because this waits for all of them.
                    values = metric.compute()
            except ValueError:  # no process had an image
                rank_zero_warn(f"CamEvaluator logs no {name} in epoch {trainer.current_epoch}: no image was evaluated")
                continue
            start = f"{prefix}/{EVALUATED_METRICS[name].prefix}"
            pl_module.log_dict({start + key: value.float() for key, value in values.items()})

    def _evaluate(self, trainer: L.Trainer, pl_module: L.LightningModule, names: Sequence[str]) -> dict[str, Metric]:
        """Return the metrics, updated with this process's share of the images."""
        if self._probes is None:
            return {}
        classes = 1 + max((label for label in self._probes.labels if label is not None), default=0)
        metrics = {name: EVALUATED_METRICS[name].create(self.explainer, classes).to(pl_module.device) for name in names}
        try:
            with whole_weights(pl_module), preserved_random_state():  # hooks that move a batch may draw random numbers
                self._update(trainer, pl_module, metrics, self._probes)
        except Exception:
            end_if_terminated(trainer)
            of_process = f" of process {trainer.global_rank}" if trainer.world_size > 1 else ""
            warnings.warn(  # in the process that failed
                f"CamEvaluator could not evaluate all of its images{of_process} in epoch {trainer.current_epoch}; "
                f"training goes on.\n{traceback.format_exc()}",
                stacklevel=2,
            )
        return metrics

    def _update(
        self, trainer: L.Trainer, pl_module: L.LightningModule, metrics: dict[str, Metric], probes: Probes
    ) -> None:
        share = slice(trainer.global_rank, None, trainer.world_size)  # of each batch, for this process
        for number, (batch, part) in enumerate(zip(probes.batches, probes.slices, strict=True)):
            labels = probes.labels[part][share]
            if not labels:
                continue
            images = images_on_device(trainer, batch)[share]
            masks = None if probes.masks is None else torch.stack(list(probes.masks[part][share])).to(images.device)
            with trainer.precision_plugin.forward_context():
                explanation = self._explain(trainer, pl_module, images, _targets(labels, images.device))
                explained = ExplainedBatch(
                    module=pl_module,
                    forward=bind_forward(self.forward, pl_module),
                    images=images,
                    maps=explanation.maps,
                    targets=explanation.targets,
                    masks=masks,
                    previous_maps=self._previous_maps.get(number),
                )
                for name, metric in metrics.items():
                    EVALUATED_METRICS[name].update(metric, explained)
            self._previous_maps[number] = explanation.maps
        for name, metric in metrics.items():
            if EVALUATED_METRICS[name].needs_mosaics:
                forward = bind_forward(self.forward, pl_module)
                update_on_mosaics(metric, trainer, pl_module, probes, self.explainer, forward)

    def _explain(
        self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, targets: Tensor | None
    ) -> Explanation:
        return self.explainer(pl_module, images, targets, forward=bind_forward(self.forward, pl_module))


def _targets(labels: Sequence[int | None], device: torch.device) -> Tensor | None:
    """Return the classes to explain, or None for the predicted ones if a label is unknown."""
    known = [label for label in labels if label is not None]
    return torch.tensor(known, device=device) if len(known) == len(labels) else None
