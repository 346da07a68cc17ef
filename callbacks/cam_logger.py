"""Heatmaps of the same images, logged every epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from camaug.augmentation.batch_leaves import Selector
from camaug.explainers import Explainer, as_explainer
from camaug.images.normalisation import Normalisation, channel_values
from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.check_types import check_types

from ._logging.check_arguments import check_display, check_overlay, check_positive
from ._logging.find_class_names import find_class_names
from ._logging.flush_loggers import flush_loggers
from ._logging.image_display import ImageDisplay
from ._logging.probe_source import ProbeSource
from ._logging.probes import Probes
from ._logging.report_trust_warnings import report_trust_warnings
from ._logging.snapshot_taker import SnapshotTaker
from ._logging.snapshot_writer import SnapshotWriter
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._logging.warn_once import WarnOnce
from ._logging.write_image import can_log_images
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.stages import validation_or_training_loaders
from ._trainer.strategies import sharding_problem
from ._trainer.validated_weights import describe_validated_weights, validated_weights

__all__ = ["CamLogger"]

DEFAULT_IMAGES = 16
UNREADABLE = "could not read its images, and no heatmap will be seen"
READABLE = "Say where they are: CamLogger(images=, labels=, loader=)"
EXPLAINABLE = (
    "Give a function that returns logits, CamLogger(forward=), or another method, CamLogger(explainer=), one "
    "without gradients such as 'score-cam' for layers under torch.no_grad()"
)


class CamLogger(L.Callback):
    """Callback that logs heatmaps of the same images every epoch.

    TensorBoard shows them in a tab of its own, ``camaug``: every image in every epoch, with the maps as they are. Its
    ordinary tabs have

    * one panel for each image and epoch: the image, the heatmap of the predicted class and, after a wrong prediction,
      of the true class, with names and confidences; and an overview of all images;
    * as scalars the change of the maps since the previous snapshot (``cam/drift``, :class:`camaug.metrics.Drift`), the
      mean confidence in the true class, the share of constant maps and, if the data set has ``object_mask(index)``, the
      share of the maps' energy inside the objects beside the objects' share of the image;
    * as scalars the reasons not to trust heatmaps (``cam/centre_bias``, ``cam/class_similarity``,
      ``cam/head_similarity``, :class:`camaug.metrics.Trust`). The caption of a heatmap that is constant, or the same
      for another class or with a random head, says so.

    ``trainer.validate`` and ``trainer.test`` log under ``cam_validate`` and ``cam_test``. Other loggers get the panels:
    those with a ``log_image`` method (Weights & Biases), MLflow and, as files, those with a directory (``CSVLogger``).

    The training run is neither changed nor ended: only wrong arguments of the constructor are errors, and the first
    failure, of whatever kind, is a warning, after which further ones are silent. Checkpoints hold the previous
    snapshot, so that a resumed run logs the same drift.

    Args:
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer.
        num_images: Number of images, spread over the classes of the validation data, or else of the training data.
            None for 16, or for all of a smaller data set.
        every_n_epochs: Epochs between two snapshots.
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
        class_names: Names of the classes, by default the ``classes`` of the data module or the data set.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        trust_every_n_epochs: Epochs between two comparisons of the heatmaps with those of the runner-up class and of a
            random head, which explain each image twice more. None for none, as for class-independent methods.
        fast: Whether the fast forward pass is used where its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).
        images_every_n_epochs: Epochs between two snapshots with panels, which the camaug tab does not need. None for
            every snapshot, but about twelve in TensorBoard's files of long runs, because its Images tab shows ten.
        images: Where the images are in a batch: a key, an index, a path such as ``"0.image"``, or a function of the
            batch. None finds them.
        labels: Where the labels are, in the same forms.
        loader: Name or number of the data loader if there are several. None for the first one.
        tag: First part of every tag. A second ``CamLogger`` of a Trainer needs a different one.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> logger = CamLogger(explainer="grad-cam", num_images=8)
        >>> trainer = L.Trainer(callbacks=[logger], logger=True, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "group-cam",
        num_images: int | None = None,
        every_n_epochs: int = 1,
        colormap: str = "viridis",
        strength: float = 0.5,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        bands: Sequence[int] | None = None,
        class_names: Sequence[str] | None = None,
        forward: ModuleForward | None = None,
        trust_every_n_epochs: int | None = 5,
        fast: bool = True,
        images_every_n_epochs: int | None = None,
        images: Selector | None = None,
        labels: Selector | None = None,
        loader: str | int | None = None,
        tag: str = "cam",
    ) -> None:
        self.explainer = as_explainer(explainer)
        check_types(CamLogger.__init__, locals())
        check_positive(
            num_images=num_images,
            every_n_epochs=every_n_epochs,
            trust_every_n_epochs=trust_every_n_epochs,
            images_every_n_epochs=images_every_n_epochs,
        )
        check_overlay(colormap, strength)
        if not re.fullmatch(r"[\w.-]+", tag):
            raise ValueError(f"`tag` must be of letters, digits, '_', '-' and '.', got {tag!r}")
        self.num_images = num_images
        self.every_n_epochs = every_n_epochs
        self.colormap, self.strength = colormap, strength
        check_display(bands, mean=mean, std=std)
        self.mean, self.std, self.bands = mean, std, bands
        self.class_names = class_names
        self.forward = forward
        self.trust_every_n_epochs = trust_every_n_epochs
        self.fast = fast
        self.images_every_n_epochs = images_every_n_epochs
        self.images, self.labels, self.loader = images, labels, loader
        self.tag = tag
        self._warn_once = WarnOnce("CamLogger", first_failure_only=True)
        self._is_possible = True
        self._taker: SnapshotTaker | None = None
        self._writer: SnapshotWriter | None = None
        self._probes: Probes | None = None  # on rank zero
        self._dataset: Any = None

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint, different for every ``CamLogger`` of a Trainer."""
        return self._generate_state_key(tag=self.tag, explainer=self.explainer.name)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data."""
        _refuse_shared_tags(trainer, self)
        _warn_without_image_logger(trainer)
        problem = sharding_problem(trainer, self)
        self._is_possible = not problem and bool(trainer.loggers)
        if problem:
            rank_zero_warn(f"{problem}. No heatmap will be seen")
        self._warn_once = WarnOnce("CamLogger", first_failure_only=True)
        self._probes = None
        self._taker = SnapshotTaker(
            trainer,
            pl_module,
            self.explainer,
            bind_forward(self.forward, pl_module),
            fast=self.fast,
            trust_every_n_epochs=self.trust_every_n_epochs,
            warn_once=self._warn_once,
        )
        self._writer = SnapshotWriter(
            trainer,
            pl_module,
            self.explainer,
            colormap=self.colormap,
            strength=self.strength,
            images_every_n_epochs=self.images_every_n_epochs,
        )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain one of them."""
        self._start(trainer, pl_module, validation_or_training_loaders(trainer))

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain one of them in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._start(trainer, pl_module, trainer.val_dataloaders)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and explain one of them."""
        self._start(trainer, pl_module, trainer.test_dataloaders)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log a snapshot after the epoch's validation."""
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._log_snapshot(trainer, pl_module, self.tag)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log a snapshot in ``trainer.validate``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._log_snapshot(trainer, pl_module, f"{self.tag}_validate")

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log a snapshot."""
        self._log_snapshot(trainer, pl_module, f"{self.tag}_test")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Flush the metrics that Lightning logged at the end of the previous epoch."""
        flush_loggers(trainer, self._warn_once)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Flush everything that a run resumed from this checkpoint will not log again."""
        flush_loggers(trainer, self._warn_once)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next snapshot is compared with, and whether the fast path is in use."""
        return {} if self._taker is None else self._taker.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue after the previous snapshot of the interrupted run."""
        if self._taker is not None:
            self._taker.load_state_dict(state_dict)

    # Rank zero works alone and without collectives, so that no failure leaves other processes waiting. The other
    # processes only contribute their shards of the weights, whatever rank zero does with them.

    def _start(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        taker = self._taker
        if taker is None or not self._is_possible:
            return
        source = ProbeSource("CamLogger", self.num_images, DEFAULT_IMAGES, self.loader, self.images, self.labels)
        if trainer.is_global_zero:
            if trainer.state.fn != TrainerFn.FITTING:
                taker.forget()
            with self._warn_once.instead_of_error(trainer, UNREADABLE, remedy=READABLE):
                self._probes, self._dataset = source.choose(trainer, loaders)
                warn_of_empty_masks("CamLogger", self._probes)
        with (
            self._warn_once.instead_of_error(trainer, "could not explain a first image", remedy=EXPLAINABLE),
            whole_weights(pl_module, here=self._probes is not None),
        ):
            if self._probes is not None:
                first = taker.explain_first(self._probes)
                self._probes = source.with_classes(self._probes, first.logits.shape[1])
                at = f" at {', '.join(first.layers)}" if first.layers else ""
                bands = self._find_display(trainer, self._probes).describe_bands(self._probes.channels)
                shown = f", of which {bands} of {self._probes.channels} are shown" if bands else ""
                rank_zero_info(f"CamLogger: {self.explainer.name}{at}, {len(self._probes.indices)} images{shown}")
                if weights := describe_validated_weights(trainer):
                    rank_zero_info(f"CamLogger: {weights}")

    def _find_display(self, trainer: L.Trainer, probes: Probes) -> ImageDisplay:
        given = Normalisation(channel_values(self.mean), channel_values(self.std))
        return ImageDisplay.find(
            trainer,
            self._dataset,
            probes.channels,
            lambda sentence: self._warn_once(sentence, f"CamLogger: {sentence}"),
            given=given,
            bands=self.bands,
        )

    def _log_snapshot(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        taker, writer, epoch = self._taker, self._writer, trainer.current_epoch
        if not self._is_possible:
            return
        with self._warn_once.instead_of_error(trainer, f"could not log heatmaps in epoch {epoch}", remedy=EXPLAINABLE):
            metrics = trainer.callback_metrics  # a collective, so every process reads them
            with (
                validated_weights(trainer, pl_module, self),
                whole_weights(pl_module, here=self._probes is not None),
            ):
                if self._probes is None or taker is None or writer is None:
                    return
                snapshot = taker.take(self._probes, self._find_display(trainer, self._probes))
            report_trust_warnings(self._warn_once, snapshot, epoch=epoch, method=self.explainer.name, tag=self.tag)
            names = self.class_names or find_class_names(trainer, self._dataset)
            writer.write(snapshot, prefix, names, metrics)


def _warn_without_image_logger(trainer: L.Trainer) -> None:
    is_dev_run = getattr(trainer, "fast_dev_run", False)  # set by Lightning, but not declared
    if not is_dev_run and not any(can_log_images(logger) for logger in trainer.loggers):
        rank_zero_warn(
            "CamLogger found no logger that takes images, so no heatmap will be seen: "
            "pass logger=TensorBoardLogger(...) to the Trainer"
        )


def _refuse_shared_tags(trainer: L.Trainer, callback: CamLogger) -> None:
    """Raise if another ``CamLogger`` of the Trainer would overwrite what this one logs."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    others = [other for other in callbacks if isinstance(other, CamLogger) and other is not callback]
    taken = {prefix for other in others for prefix in _prefixes(other)}
    shared = [prefix for prefix in sorted(_prefixes(callback)) if prefix in taken]
    if shared:
        raise ValueError(
            f"two CamLoggers would log under {shared[0]!r}, each over the other's images: give one a tag of its own, "
            f"as CamLogger(..., tag={callback.explainer.name!r})"
        )


def _prefixes(callback: CamLogger) -> tuple[str, ...]:
    return callback.tag, f"{callback.tag}_validate", f"{callback.tag}_test"
