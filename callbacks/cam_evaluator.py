"""Metrics of heatmaps during training, for checkpoints and early stopping."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from camaug.augmentation.batch_leaves import Selector
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.check_types import check_types
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.preserved_random_state import preserved_random_state

from ._logging.check_arguments import check_positive
from ._logging.check_integer_images import check_integer_images
from ._logging.evaluated_metrics import EVALUATED_METRICS
from ._logging.explained_batch import ExplainedBatch
from ._logging.probe_source import ProbeSource
from ._logging.probes import Probes
from ._logging.update_on_mosaics import update_on_mosaics
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._logging.warn_once import WarnOnce
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.stages import has_validation, validation_or_training_loaders
from ._trainer.strategies import sharding_problem
from ._trainer.validated_weights import describe_validated_weights, validated_weights

__all__ = ["CamEvaluator"]

DEFAULT_IMAGES = 32
UNREADABLE = "could not read its images, and evaluates nothing"
READABLE = "Say where they are: CamEvaluator(images=, labels=, loader=)"
EXPLAINABLE = (
    "Give a function that returns logits, CamEvaluator(forward=), or another method, CamEvaluator(explainer=), one "
    "without gradients such as 'score-cam' for layers under torch.no_grad()"
)


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

    The training run is neither changed nor ended: only wrong arguments of the constructor are errors, and the first
    failure, of whatever kind, is a warning, after which further ones are silent. No other process waits for it.

    Args:
        metrics: Names of the metrics.
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer.
        num_images: Number of images. None for 32, or for all of a smaller data set.
        every_n_epochs: Epochs between two evaluations, None for the last epoch alone.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        images: Where the images are in a batch: a key, an index, a path such as ``"0.image"``, or a function of the
            batch. None finds them.
        labels: Where the labels are, in the same forms.
        loader: Name or number of the data loader if there are several. None for the first one.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> evaluator = CamEvaluator(["insertion_deletion", "drift"], explainer="grad-cam", num_images=16)
        >>> trainer = L.Trainer(callbacks=[evaluator], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        metrics: str | Sequence[str] = ("insertion_deletion", "average_drop", "drift"),
        explainer: str | Explainer = "group-cam",
        num_images: int | None = None,
        every_n_epochs: int | None = 1,
        forward: ModuleForward | None = None,
        images: Selector | None = None,
        labels: Selector | None = None,
        loader: str | int | None = None,
    ) -> None:
        self.explainer = as_explainer(explainer)
        check_types(CamEvaluator.__init__, locals())
        check_positive(num_images=num_images, every_n_epochs=every_n_epochs)
        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        unknown = [name for name in self.metrics if name not in list(EVALUATED_METRICS)]
        if unknown or not self.metrics:
            refused = (
                f"unknown metric {unknown[0]!r}, {did_you_mean(unknown[0], EVALUATED_METRICS)}"
                if unknown
                else ("`metrics` is empty, ")
            )
            raise ValueError(f"{refused}expected some of {', '.join(EVALUATED_METRICS)}")
        self.num_images = num_images
        self.every_n_epochs = every_n_epochs
        self.forward = forward
        self.images, self.labels, self.loader = images, labels, loader
        self._warn_once = WarnOnce("CamEvaluator", first_failure_only=True, every_rank=True)
        self._is_possible = True
        self._names: Sequence[str] = self.metrics  # those that the data allow
        self._classes = 0
        self._probes: Probes | None = None
        self._previous_maps: dict[int, Tensor] = {}  # of each batch

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        problem = sharding_problem(trainer, self)
        self._is_possible = not problem
        if problem:
            rank_zero_warn(f"{problem}. Nothing will be evaluated")
        self._warn_once = WarnOnce("CamEvaluator", first_failure_only=True, every_rank=True)
        self._probes = None
        self._previous_maps = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain them once, so that the first epoch has a drift."""
        self._choose_probes(trainer, pl_module, validation_or_training_loaders(trainer))
        if "drift" in self._names:
            self._evaluate(trainer, pl_module, ["drift"])

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate after an epoch's validation and in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._choose_probes(trainer, pl_module, trainer.val_dataloaders)
            self._log(trainer, pl_module, "cam_validate")
        elif self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate if there is no validation."""
        if not has_validation(trainer) and self._is_due(trainer):
            self._log(trainer, pl_module, "cam")

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluate."""
        self._choose_probes(trainer, pl_module, trainer.test_dataloaders)
        self._log(trainer, pl_module, "cam_test")

    def _choose_probes(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        """Choose the images in every process, or in none if one of them cannot."""
        self._probes = None
        if not self._is_possible:
            return
        source = ProbeSource("CamEvaluator", self.num_images, DEFAULT_IMAGES, self.loader, self.images, self.labels)
        probes, self._classes = None, 0
        with self._warn_once.instead_of_error(trainer, UNREADABLE, remedy=READABLE):
            probes, _ = source.choose(trainer, loaders)
            self._names = _possible_metrics(self.metrics, probes)
        failure = "could not explain its images"
        with (
            self._warn_once.instead_of_error(trainer, failure, remedy=EXPLAINABLE),
            whole_weights(pl_module, here=probes is not None),
        ):
            if probes is not None:
                self._classes = self._count_classes(trainer, pl_module, probes)
                probes = source.with_classes(probes, self._classes)
        # Metrics are synchronised, so all processes evaluate or none.
        if trainer.strategy.reduce_boolean_decision(self._classes > 0, all=True) and probes is not None and self._names:
            self._probes = probes
            names = ", ".join(self._names)
            rank_zero_info(f"CamEvaluator: {names} of {self.explainer.name}, {len(probes.indices)} images")
            if weights := describe_validated_weights(trainer):
                rank_zero_info(f"CamEvaluator: {weights}")

    def _count_classes(self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes) -> int:
        forward = bind_forward(self.forward, pl_module)
        image = probes.batches[0][:1].to(pl_module.device)
        with preserved_random_state(), trainer.precision_plugin.forward_context():
            if probes.are_integers:
                check_integer_images(pl_module, image, forward)
            with neutral(pl_module):
                return LogitsForward(forward or pl_module)(image).shape[1]

    def _is_due(self, trainer: L.Trainer) -> bool:
        if trainer.sanity_checking:
            return False
        epochs = trainer.current_epoch + 1
        return epochs == trainer.max_epochs if self.every_n_epochs is None else epochs % self.every_n_epochs == 0

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        for name, metric in self._evaluate(trainer, pl_module, self._names).items():
            with self._warn_once.instead_of_error(trainer, f"could not log {name}"):
                values = _computed(metric)
                if values is None:
                    self._report_missing(trainer, name)
                    continue
                start = f"{prefix}/{EVALUATED_METRICS[name].prefix}"
                pl_module.log_dict({start + key: value.float() for key, value in values.items()})

    def _report_missing(self, trainer: L.Trainer, name: str) -> None:
        if not self._warn_once.has_failed:
            epoch = trainer.current_epoch
            self._warn_once(name, f"CamEvaluator logs no {name} in epoch {epoch}: no image was evaluated")

    def _evaluate(self, trainer: L.Trainer, pl_module: L.LightningModule, names: Sequence[str]) -> dict[str, Metric]:
        """Return the metrics, updated with this process's share of the images."""
        if self._probes is None:
            return {}
        create = {name: EVALUATED_METRICS[name].create for name in names}
        metrics = {name: make(self.explainer, self._classes).to(pl_module.device) for name, make in create.items()}
        of_process = f" of process {trainer.global_rank}" if trainer.world_size > 1 else ""
        failure = f"could not evaluate all of its images{of_process} in epoch {trainer.current_epoch}"
        with (
            self._warn_once.instead_of_error(trainer, failure, remedy=EXPLAINABLE),
            validated_weights(trainer, pl_module, self),
            whole_weights(pl_module),
            preserved_random_state(),
        ):
            self._update(trainer, pl_module, metrics, self._probes)
        return metrics

    def _update(
        self, trainer: L.Trainer, pl_module: L.LightningModule, metrics: dict[str, Metric], probes: Probes
    ) -> None:
        share = slice(trainer.global_rank, None, trainer.world_size)  # of each batch, for this process
        for number, (batch, part) in enumerate(zip(probes.batches, probes.slices, strict=True)):
            labels = probes.labels[part][share]
            if not labels:
                continue
            images = batch[share].to(pl_module.device)
            masks = None if probes.masks is None else torch.stack(list(probes.masks[part][share])).to(images.device)
            forward = bind_forward(self.forward, pl_module)
            with trainer.precision_plugin.forward_context():
                explanation = _explain_labels(self.explainer, pl_module, images, labels, forward)
                explained = ExplainedBatch(
                    module=pl_module,
                    forward=LogitsForward(forward or pl_module),
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


def _explain_labels(
    explainer: Explainer,
    module: L.LightningModule,
    images: Tensor,
    labels: Sequence[int | None],
    forward: Callable[[Tensor], Tensor] | None,
) -> Explanation:
    """Explain images for their labels, and those without one for the predicted class."""
    targets = torch.tensor([-1 if label is None else label for label in labels], device=images.device)
    if (targets >= 0).all():
        return explainer(module, images, targets, forward=forward)
    explanation = explainer(module, images, None, forward=forward)
    if (targets < 0).all():
        return explanation
    return explainer(module, images, torch.where(targets < 0, explanation.targets, targets), forward=forward)


def _computed(metric: Metric) -> dict[str, Tensor] | None:
    """Return the values of a metric, None if no process had an image. All processes wait for each other here."""
    try:
        with warnings.catch_warnings():  # a process may have had no image
            warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
            values: dict[str, Tensor] = metric.compute()
            return values
    except ValueError:
        return None


def _possible_metrics(names: Sequence[str], probes: Probes) -> list[str]:
    """Return the metrics that the data allow, with a warning about the others."""
    of_objects = [name for name in names if EVALUATED_METRICS[name].needs_masks]
    if not of_objects:
        return list(names)
    if probes.masks is not None:
        warn_of_empty_masks("CamEvaluator", probes)
        return list(names)
    rank_zero_warn(
        f"CamEvaluator cannot compute {', '.join(of_objects)}, because the data set has no method "
        "object_mask(index) that returns the mask of the objects: add the method, or leave these metrics out"
    )
    return [name for name in names if name not in of_objects]
