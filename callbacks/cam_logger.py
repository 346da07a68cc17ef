"""Heatmaps of the same images, logged throughout a training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from camaug.augmentation.batch_leaves import Selector
from camaug.explainers import Explainer, as_explainer
from camaug.images.class_names import known_class_names
from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.check_types import check_types

from ._logging.check_arguments import check_positive
from ._logging.find_class_names import find_class_names
from ._logging.flush_loggers import flush_loggers
from ._logging.image_display import ImageDisplay
from ._logging.moment import Moment
from ._logging.probe_callback import ProbeCallback
from ._logging.probe_source import ProbeSource
from ._logging.probes import Probes
from ._logging.report_trust_warnings import report_trust_warnings
from ._logging.snapshot import Snapshot
from ._logging.snapshot_metrics import snapshot_metrics
from ._logging.snapshot_style import SnapshotStyle
from ._logging.snapshot_taker import SnapshotTaker
from ._logging.snapshot_writer import SnapshotWriter
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._logging.warn_of_position_bias import snapshot_position_bias, warn_of_position_bias
from ._logging.write_to_logger import can_log_images
from ._mistakes.explained_mistakes import ExplainedMistakes
from ._mistakes.mistake_logger import MistakeLogger
from ._mistakes.mistakes_writer import MistakesWriter
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.cadence import Cadence
from ._trainer.validated_weights import describe_validated_weights, validated_weights

__all__ = ["CamLogger"]

DEFAULT_IMAGES = 16


class CamLogger(ProbeCallback):
    """Callback that logs heatmaps of the same images throughout a training run.

    TensorBoard shows them in a tab of its own, ``camaug``: every image in every snapshot, with the maps as they are.
    Another page has the images of the whole validation set that the model gets wrong: those that are most confidently
    wrong, that became wrong since the last validation, and that are least certain, with the maps of their two most
    probable classes; and the confusion matrix. They are chosen as their batches pass, by the logits that the validation
    step computes anyway. The ordinary tabs have

    * one panel for each image and snapshot: the image, the heatmap of the predicted class and, after a wrong
      prediction, of the true class, with names and confidences; and an overview of all images. Images with several
      labels are explained for each label, of more than eight for the most probable ones, and for the most probable
      class that is no label and has a probability of at least 0.5; the panel has the first that is missed or wrong;
    * as scalars the change of the maps since the previous snapshot, or first since the start (``cam/drift``,
      :class:`camaug.metrics.Drift`), the mean confidence in the true class and, if the data set has
      ``object_mask(index)``, the share of the maps' energy inside the objects beside the objects' share of the image;
    * as scalars the reasons not to trust heatmaps (``cam/constant_maps``, ``cam/centre_bias``,
      ``cam/class_similarity``, ``cam/head_similarity``, :class:`camaug.metrics.Trust`), which captions repeat;
    * as a scalar, with a warning where it is clear, attention to the same position in every image, as to a watermark
      (``cam/position_bias``, :class:`camaug.metrics.PositionBias`).

    ``trainer.validate`` and ``trainer.test`` log under ``cam_validate`` and ``cam_test``. Other loggers get the panels:
    Weights & Biases, MLflow, Comet, loggers with a ``log_image`` method and, as files, those with a directory such as
    ``CSVLogger``. A logger that fails, as without a network, is a warning, and keeps no other logger from the snapshot.
    Everything is logged at the step at which Lightning logs at the same moment. Without a logger nothing is computed.

    By default a snapshot is taken with each validation; without validation, at the end of each epoch; and where
    ``max_steps`` ends the run within one epoch and no validation comes before, twenty times. The end of a training run
    always has one. ``EarlyStopping`` and ``ModelCheckpoint`` can monitor the scalars, in whatever order the callbacks
    are listed, from the first snapshot on: ``cam/constant_maps`` and ``cam/centre_bias`` always, ``cam/drift`` and
    ``cam/overlap`` unless all maps are and stay constant, ``cam/confidence`` of labelled images.

    The training run is neither changed nor ended: only wrong arguments of the constructor are errors, and the first
    failure, of whatever kind, is a warning, after which further ones are silent. Checkpoints hold the previous
    snapshot, so that a resumed run logs the same drift.

    Args:
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer. Where it needs gradients and the
            model has none, as in a backbone under ``torch.no_grad()``, Group-CAM without gradients replaces it, with a
            warning.
        num_images: Number of images, spread over the classes of the validation data, or else of the training data.
            None for 16, or for all of a smaller data set.
        every_n_epochs: Epochs between two snapshots, each at the end of an epoch.
        every_n_validations: Validations between two snapshots.
        every_n_steps: Steps between two snapshots, as ``trainer.global_step`` counts them.
        only_last: True for a snapshot at the end alone. At most one of these four is given.
        mistakes: Number of validation images beyond ``num_images`` that are explained in a snapshot, chosen in the last
            validation before it. None for none.
        colormap: ``viridis``, ``cividis``, ``inferno``, ``turbo``, ``jet`` or ``gray``. The first three also suit
            colour-blind readers.
        strength: Share of the heatmap in the overlay, in [0, 1].
        mean: Mean of each channel by which the images were normalised. By default the data module's, or that of the
            data set's ``Normalize``. If neither is known, each image is stretched to [0, 1].
        std: Standard deviation of each channel, found in the same way.
        bands: Indices, counted from 0, of the channels that are shown as red, green and blue, or of one that is shown
            as grey, for images that have neither one channel nor three: ``(3, 2, 1)`` for Sentinel-2. None for the
            first three, or for the first of two. Without a known normalisation, each is stretched from its 2nd to its
            98th percentile.
        class_names: Names of the classes. By default ``classes``, ``class_names`` or ``class_to_idx`` of the data
            module or the data set, the names of a Hugging Face data set's ``ClassLabel``, ``class_names`` or
            ``config.id2label`` of the model, or ImageNet's for 1000 classes. Without any, captions say ``class 0``.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        trust_every_n_snapshots: Snapshots between two comparisons of the heatmaps with those of the runner-up class and
            of a random head, which explain each image twice more. None for none, as for class-independent methods.
        fast: Whether the fast forward pass is used where its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).
        images_every_n_snapshots: Snapshots between two with panels, which the camaug tab does not need. None for every
            snapshot, but about twelve in TensorBoard's files of long runs, because its Images tab shows ten.
        images: Where the images are in a batch: a key, an index, a path such as ``"0.image"``, or a function of the
            batch. None finds them.
        labels: Where the labels are, in the same forms.
        loader: Name or number of the data loader if there are several. None for the first one.
        tag: First part of every tag. A second ``CamLogger`` of a Trainer needs a different one.
        multi_label: True if rows of labels are classes that do not exclude each other, whose confidences are sigmoids,
            False if they are probabilities. None to find out: by a loss in the module such as ``nn.BCEWithLogitsLoss``,
            or by an image with two positive classes.

    Raises:
        ValueError: If an argument is out of range, a name is unknown, or more than one interval is given.

    Example:
        >>> logger = CamLogger(explainer="grad-cam", num_images=8)
        >>> trainer = L.Trainer(callbacks=[logger], logger=True, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "verified-cam",
        num_images: int | None = None,
        every_n_epochs: int | None = None,
        every_n_validations: int | None = None,
        every_n_steps: int | None = None,
        only_last: bool = False,
        mistakes: int | None = 16,
        colormap: str = "viridis",
        strength: float = 0.5,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        bands: Sequence[int] | None = None,
        class_names: Sequence[str] | None = None,
        forward: ModuleForward | None = None,
        trust_every_n_snapshots: int | None = 5,
        fast: bool = True,
        images_every_n_snapshots: int | None = None,
        images: Selector | None = None,
        labels: Selector | None = None,
        loader: str | int | None = None,
        tag: str = "cam",
        multi_label: bool | None = None,
    ) -> None:
        explainer = as_explainer(explainer)
        check_types(CamLogger.__init__, locals())
        cadence = Cadence(
            every_n_epochs=every_n_epochs,
            every_n_validations=every_n_validations,
            every_n_steps=every_n_steps,
            only_last=only_last,
        )
        source = ProbeSource("CamLogger", num_images, DEFAULT_IMAGES, loader, images, labels, multi_label)
        super().__init__(cadence, tag, explainer, source, forward)
        check_positive(num_images=num_images, mistakes=mistakes, trust_every_n_snapshots=trust_every_n_snapshots)
        self.mistakes = mistakes
        self.trust_every_n_snapshots = trust_every_n_snapshots
        self.fast = fast
        self._style = SnapshotStyle(colormap, strength, mean, std, bands, class_names, images_every_n_snapshots)
        self._taker: SnapshotTaker | None = None
        self._writer: SnapshotWriter | None = None
        self._probes: Probes | None = None  # on rank zero
        self._dataset: Any = None
        self._snapshot: Snapshot | None = None  # not yet written, on rank zero
        self._is_unwritten = False
        self._mistakes = MistakeLogger(mistakes, source, self._warn_once)
        self._explained: ExplainedMistakes | None = None  # not yet written, on rank zero
        self._mistakes_writer: MistakesWriter | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        super().setup(trainer, pl_module, stage)
        _warn_without_image_logger(trainer)
        if not trainer.loggers:
            rank_zero_info(
                "CamLogger: the Trainer has no logger, so that nothing is explained and there are no metrics"
            )
        # Rank zero's loggers count, because some users give the other processes none.
        self._is_possible &= trainer.strategy.broadcast(bool(trainer.loggers))
        self._probes, self._snapshot, self._is_unwritten, self._explained = None, None, False, None
        self._mistakes.setup(pl_module if self._is_possible else None, self._warn_once)
        self._taker = SnapshotTaker(
            trainer,
            pl_module,
            self.explainer,
            bind_forward(self.forward, pl_module),
            fast=self.fast,
            trust_every_n_snapshots=self.trust_every_n_snapshots,
            warn_once=self._warn_once,
        )
        self._writer = self._mistakes_writer = None

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images in ``trainer.validate``, and watch the validation for mistakes."""
        super().on_validation_start(trainer, pl_module)
        if not trainer.sanity_checking:
            self._watch(trainer, trainer.val_dataloaders)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images, and watch the test for mistakes."""
        super().on_test_start(trainer, pl_module)
        self._watch(trainer, trainer.test_dataloaders)

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Observe the step."""
        super().on_validation_batch_start(trainer, pl_module, batch, batch_idx, dataloader_idx)
        self._mistakes.start_step(trainer, dataloader_idx)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep what may be a mistake."""
        super().on_validation_batch_end(trainer, pl_module, outputs, batch, batch_idx, dataloader_idx)
        self._mistakes.end_step(trainer, batch, dataloader_idx)

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Observe the step."""
        self._mistakes.start_step(trainer, dataloader_idx)

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep what may be a mistake."""
        self._mistakes.end_step(trainer, batch, dataloader_idx)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the mistakes of the validation, and explain everything if a snapshot is due."""
        if not trainer.sanity_checking:
            self._mistakes.finish_validation(trainer, self._moment(trainer).step)
        super().on_validation_epoch_end(trainer, pl_module)
        if not trainer.sanity_checking and not self._cadence.is_of_validations:
            self._explain_mistakes(trainer, pl_module, self._moment(trainer))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what was explained in this validation."""
        super().on_validation_end(trainer, pl_module)
        if not trainer.sanity_checking:
            self._write_mistakes(trainer, pl_module, self._moment(trainer))

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the mistakes of the test, and explain everything."""
        self._mistakes.finish_validation(trainer, self._moment(trainer).step)
        super().on_test_epoch_end(trainer, pl_module)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Stop observing."""
        super().on_exception(trainer, pl_module, exception)
        self._mistakes.stop()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Flush the metrics that Lightning logged at the end of the previous epoch."""
        flush_loggers(trainer)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Flush everything that a run resumed from this checkpoint will not log again."""
        flush_loggers(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next snapshot is compared with, and whether the fast path is in use."""
        if self._taker is None:
            return {}
        return super().state_dict() | self._taker.state_dict() | {"mistakes": self._mistakes.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue after the previous snapshot of the interrupted run."""
        super().load_state_dict(state_dict)
        if self._taker is not None:
            self._taker.load_state_dict(state_dict)
        self._mistakes.load_state_dict(state_dict.get("mistakes", {}))

    def _watch(self, trainer: L.Trainer, loaders: Any) -> None:
        classes = self._taker.classes if self._taker is not None and self._probes is not None else 0
        has_several = self._probes is not None and self._probes.has_several
        self._mistakes.start_validation(trainer, loaders, classes, several=has_several)

    # Rank zero explains alone, so that no failure leaves other processes waiting. These only contribute their shards of
    # the weights, whatever rank zero does with them, and receive the metrics, of which there are none after a failure.

    def _start(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        taker = self._taker
        if taker is None or not self._is_possible:
            return
        if trainer.is_global_zero:
            self._probes, self._dataset = self._choose(trainer, loaders)
        with (
            self._instead_of_error(trainer, "could not explain its images"),
            validated_weights(trainer, pl_module, self),
            whole_weights(pl_module, here=self._probes is not None),
        ):
            if self._probes is not None:
                warn_of_empty_masks("CamLogger", self._probes)
                display = self._find_display(trainer, self._probes)
                self._probes = taker.start(self._source, self._probes, display)
                self._check_class_names(taker.classes)
                self._writer = SnapshotWriter(trainer, pl_module, taker.explainer, self._style)
                self._mistakes_writer = MistakesWriter(trainer, pl_module, taker.explainer, self._style)
                if weights := describe_validated_weights(trainer):
                    rank_zero_info(f"CamLogger: {weights}")

    def _find_display(self, trainer: L.Trainer, probes: Probes) -> ImageDisplay:
        return self._style.find_display(trainer, self._dataset, probes.channels, self._warn_once)

    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        if not self._is_possible:
            return
        self._snapshot, self._is_unwritten = None, True
        metrics: dict[str, float] = {}
        with (
            self._instead_of_error(trainer, f"could not log heatmaps in epoch {moment.epoch}"),
            validated_weights(trainer, pl_module, self),
            whole_weights(pl_module, here=self._probes is not None),
        ):
            if self._probes is not None and self._taker is not None:
                self._snapshot = self._taker.take(self._probes, self._find_display(trainer, self._probes))
                metrics = snapshot_metrics(self._snapshot)
        metrics = trainer.strategy.broadcast(metrics)
        self._publish(trainer, {f"{moment.prefix}/{name}": value for name, value in metrics.items()})
        self._explain_mistakes(trainer, pl_module, moment)

    def _explain_mistakes(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        if not self._is_possible or not self._mistakes.are_pending():
            return
        with (
            self._instead_of_error(trainer, f"could not explain mistakes in epoch {moment.epoch}"),
            validated_weights(trainer, pl_module, self),
            whole_weights(pl_module, here=self._probes is not None),
        ):
            if self._taker is not None:
                self._explained = self._mistakes.explain(trainer, pl_module, self._taker)

    def _write(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        if not self._is_unwritten:
            return
        self._is_unwritten = False
        with self._instead_of_error(trainer, f"could not log heatmaps in epoch {moment.epoch}"):
            metrics = trainer.callback_metrics  # a collective, so every process reads them
            snapshot, self._snapshot = self._snapshot, None
            if snapshot is None or self._writer is None or self._taker is None:
                return
            method = self._taker.explainer.name
            report_trust_warnings(self._warn_once, snapshot, epoch=moment.epoch, method=method, tag=self.tag)
            if (bias := snapshot_position_bias(snapshot)) is not None:
                warn_of_position_bias(self._warn_once, bias, epoch=moment.epoch, tag=moment.prefix)
            names = self._find_names(trainer, pl_module, snapshot.probabilities.shape[1])
            self._writer.write(snapshot, moment, names, metrics)
        self._write_mistakes(trainer, pl_module, moment)

    def _write_mistakes(self, trainer: L.Trainer, pl_module: L.LightningModule, moment: Moment) -> None:
        explained, self._explained = self._explained, None
        if explained is None or self._mistakes_writer is None or self._probes is None:
            return
        with self._instead_of_error(trainer, f"could not log mistakes in epoch {moment.epoch}"):
            names = self._find_names(trainer, pl_module, explained.chosen.logits.shape[1])
            self._mistakes_writer.write(explained, moment, names, self._find_display(trainer, self._probes))

    def _check_class_names(self, classes: int) -> None:
        given = self._style.class_names
        if given is not None and len(given) != classes:
            self._warn_once(
                "class names",
                f"CamLogger: {len(given)} class_names were given, and the model has {classes} classes: classes without "
                "a name are called by their number, and the other names may be wrong",
            )

    def _find_names(self, trainer: L.Trainer, pl_module: L.LightningModule, classes: int) -> Sequence[str] | None:
        return (
            self._style.class_names or find_class_names(trainer, self._dataset) or known_class_names(pl_module, classes)
        )


def _warn_without_image_logger(trainer: L.Trainer) -> None:
    is_dev_run = getattr(trainer, "fast_dev_run", False)  # set by Lightning, but not declared
    if trainer.loggers and not is_dev_run and not any(can_log_images(logger) for logger in trainer.loggers):
        rank_zero_warn(
            "CamLogger found no logger that takes images, so no heatmap will be seen: "
            "pass logger=TensorBoardLogger(...) to the Trainer"
        )
