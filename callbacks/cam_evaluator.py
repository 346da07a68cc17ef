"""Metrics of heatmaps during training, for checkpoints and early stopping."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from camaug.augmentation.batch_leaves import Selector
from camaug.explainers import Explainer, as_explainer
from camaug.inspection.sharded_weights import whole_weights
from camaug.metrics import PositionBias
from camaug.utils.check_types import check_types
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.fetched import fetched
from camaug.utils.preserved_random_state import preserved_random_state

from ._logging.call_loggers import call_loggers
from ._logging.check_arguments import check_positive
from ._logging.check_integer_images import check_integer_images
from ._logging.evaluated_metrics import EVALUATED_METRICS
from ._logging.explain_first import explain_first
from ._logging.moment import Moment
from ._logging.probe_callback import ProbeCallback
from ._logging.probe_evaluation import ProbeEvaluation
from ._logging.probe_source import ProbeSource
from ._logging.probes import Probes
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._logging.warn_of_position_bias import warn_of_position_bias
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.cadence import Cadence
from ._trainer.validated_weights import describe_validated_weights, validated_weights

__all__ = ["CamEvaluator"]

DEFAULT_IMAGES = 32


class CamEvaluator(ProbeCallback):
    """Callback that computes metrics of heatmaps on the same images throughout a training run, and logs them.

    The images come from the validation data, spread over the classes, and are explained for their true classes. Each
    label of an image with several counts like an image of its own. In ``fit`` everything under ``cam_eval/`` can be
    monitored, wherever the callbacks are listed:
    ``ModelCheckpoint(monitor="cam_eval/over_all", mode="max")``, ``EarlyStopping(monitor="cam_eval/drift",
    mode="min")``. ``trainer.validate`` and ``trainer.test`` log under ``cam_eval_validate/`` and ``cam_eval_test/``.
    Each process evaluates its share of the images, and the metrics are synchronised, so that their values are those of
    one process.

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
    border_energy          ``border_energy``, ``border_area`` (:class:`camaug.metrics.BorderEnergy`)
    position_bias          ``position_bias``, with a warning where it is clear (:class:`camaug.metrics.PositionBias`)
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
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer. Where it needs gradients and the
            model has none, Group-CAM without gradients replaces it, with a warning.
        num_images: Number of images. None for 32, or for all of a smaller data set.
        every_n_epochs: Epochs between two evaluations, each at the end of an epoch.
        every_n_validations: Validations between two evaluations.
        every_n_steps: Steps between two evaluations, as ``trainer.global_step`` counts them.
        only_last: True for an evaluation at the end alone. At most one of these four is given; the default is that of
            :class:`~camaug.callbacks.CamLogger`.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        images: Where the images are in a batch: a key, an index, a path such as ``"0.image"``, or a function of the
            batch. None finds them.
        labels: Where the labels are, in the same forms.
        loader: Name or number of the data loader if there are several. None for the first one.
        tag: First part of every name. A second ``CamEvaluator`` of a Trainer needs a different one.

    Raises:
        ValueError: If an argument is out of range, a name is unknown, or more than one interval is given.

    Example:
        >>> evaluator = CamEvaluator(["insertion_deletion", "drift"], explainer="grad-cam", num_images=16)
        >>> trainer = L.Trainer(callbacks=[evaluator], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        metrics: str | Sequence[str] = ("insertion_deletion", "average_drop", "drift"),
        explainer: str | Explainer = "verified-cam",
        num_images: int | None = None,
        every_n_epochs: int | None = None,
        every_n_validations: int | None = None,
        every_n_steps: int | None = None,
        only_last: bool = False,
        forward: ModuleForward | None = None,
        images: Selector | None = None,
        labels: Selector | None = None,
        loader: str | int | None = None,
        tag: str = "cam_eval",
    ) -> None:
        explainer = as_explainer(explainer)
        check_types(CamEvaluator.__init__, locals())
        cadence = Cadence(
            every_n_epochs=every_n_epochs,
            every_n_validations=every_n_validations,
            every_n_steps=every_n_steps,
            only_last=only_last,
        )
        source = ProbeSource("CamEvaluator", num_images, DEFAULT_IMAGES, loader, images, labels)
        super().__init__(cadence, tag, explainer, source, forward, warns_on_every_rank=True)
        check_positive(num_images=num_images)
        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        unknown = [name for name in self.metrics if name not in list(EVALUATED_METRICS)]
        if unknown or not self.metrics:
            refused = (
                f"unknown metric {unknown[0]!r}, {did_you_mean(unknown[0], EVALUATED_METRICS)}"
                if unknown
                else ("`metrics` is empty, ")
            )
            raise ValueError(f"{refused}expected some of {', '.join(EVALUATED_METRICS)}")
        self._names: Sequence[str] = self.metrics  # those that the data allow
        self._evaluation: ProbeEvaluation | None = None
        self._used = self.explainer  # or another method, if the model has no gradients

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        super().setup(trainer, pl_module, stage)
        self._evaluation = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain them once, so that the first evaluation has a drift."""
        super().on_train_start(trainer, pl_module)
        if "drift" in self._names:
            self._evaluate(trainer, pl_module, ["drift"])

    def _start(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        """Choose the images in every process, or in none if one of them cannot."""
        self._evaluation = None
        if not self._is_possible:
            return
        probes, _ = self._choose(trainer, loaders)
        classes = 0
        with (
            self._instead_of_error(trainer, "could not explain its images"),
            whole_weights(pl_module, here=probes is not None),
        ):
            if probes is not None:
                self._names = _possible_metrics(self.metrics, probes)
                classes = self._explain_first(trainer, pl_module, probes)
                probes = self._source.with_classes(probes, classes, pl_module)
        # Metrics are synchronised, so all processes evaluate or none.
        if trainer.strategy.reduce_boolean_decision(classes > 0, all=True) and probes is not None and self._names:
            forward = bind_forward(self.forward, pl_module)
            self._evaluation = ProbeEvaluation(trainer, pl_module, self._used, forward, probes, classes, self._names)
            names = ", ".join(self._names)
            rank_zero_info(f"CamEvaluator: {names} of {self._used.name}, {len(probes.indices)} images")
            if weights := describe_validated_weights(trainer):
                rank_zero_info(f"CamEvaluator: {weights}")

    def _explain_first(self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes) -> int:
        forward = bind_forward(self.forward, pl_module)
        image = probes.batches[0][:1].to(pl_module.device)
        with preserved_random_state(), trainer.precision_plugin.forward_context():
            check_integer_images(pl_module, image, forward, probes.integer_dtype)
            self._used, first = explain_first(self.explainer, pl_module, image, forward, _warn)
            return first.logits.shape[1]

    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        values: dict[str, Tensor] = {}
        for name, metric in self._evaluate(trainer, pl_module, self._names).items():
            with self._warn_once.instead_of_error(trainer, f"could not log {name}"):
                computed = _computed(metric)
                if computed is None:
                    self._report_missing(name, moment)
                    continue
                start = f"{moment.prefix}/{EVALUATED_METRICS[name].prefix}"
                values |= {start + key: value.float() for key, value in computed.items()}
                if isinstance(metric, PositionBias) and trainer.is_global_zero:
                    warn_of_position_bias(self._warn_once, metric, epoch=moment.epoch, tag=moment.prefix)
        with self._warn_once.instead_of_error(trainer, "could not log its metrics"):
            if trainer.state.fn != TrainerFn.FITTING:
                pl_module.log_dict(values)  # which validate and test also return
                return
            fetched_values = fetched(*values.values()) if values else []
            metrics = {name: float(value) for name, value in zip(values, fetched_values, strict=True)}
            self._publish(trainer, metrics)
            if metrics:
                call_loggers(trainer, lambda logger: logger.log_metrics(metrics, step=moment.step))

    def _report_missing(self, name: str, moment: Moment) -> None:
        if not self._warn_once.has_failed:
            self._warn_once(name, f"CamEvaluator logs no {name} in epoch {moment.epoch}: no image was evaluated")

    def _evaluate(self, trainer: L.Trainer, pl_module: L.LightningModule, names: Sequence[str]) -> dict[str, Metric]:
        """Return the metrics, updated with this process's share of the images."""
        evaluation = self._evaluation
        if evaluation is None:
            return {}
        metrics = {name: evaluation.metrics[name] for name in names}
        for metric in metrics.values():
            metric.reset()
        of_process = f" of process {trainer.global_rank}" if trainer.world_size > 1 else ""
        failure = f"could not evaluate all of its images{of_process} in epoch {trainer.current_epoch}"
        with (
            self._instead_of_error(trainer, failure),
            validated_weights(trainer, pl_module, self),
            whole_weights(pl_module),
            preserved_random_state(),
        ):
            evaluation.update(metrics)
        return metrics


def _warn(sentence: str) -> None:
    rank_zero_warn(f"CamEvaluator: {sentence}")


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
