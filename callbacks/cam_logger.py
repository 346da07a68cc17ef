"""Heatmaps of the same images, logged every epoch."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.fast_path import FastPath
from camaug.explainers.provenance import settings_line
from camaug.images.class_names import class_label
from camaug.images.render import COLORMAPS, denormalise
from camaug.inspection.sharded_weights import whole_weights
from camaug.inspection.target_layer import unwrap
from camaug.metrics import class_similarity, head_similarity

from ._logging.choose_probes import choose_probes
from ._logging.draw_snapshot import draw_overview, draw_panels
from ._logging.film_strip import snapshot_record, write_originals, write_strip
from ._logging.find_class_names import find_class_names
from ._logging.find_normalisation import find_normalisation
from ._logging.image_epochs import logs_images_in_epoch
from ._logging.probes import Probes
from ._logging.safe_tag import safe_tag
from ._logging.snapshot import Snapshot
from ._logging.snapshot_metrics import snapshot_metrics
from ._logging.trust_warnings import count_trust_warnings
from ._logging.warn_of_empty_masks import warn_of_empty_masks
from ._logging.with_drift import with_drift
from ._logging.write_image import can_log_images, write_image
from ._trainer.bound_forward import bind_forward
from ._trainer.stages import end_if_terminated, first_loader, images_on_device
from ._trainer.strategies import refuse_sharded

__all__ = ["CamLogger"]


DEFAULT_IMAGES = 16


class Maps(NamedTuple):
    """The true classes' maps (N, H, W) of the images at these places of the data set."""

    indices: Sequence[int]
    true_maps: Tensor


class CamLogger(L.Callback):
    """Logs what the model looks at, every epoch, for the same images.

    TensorBoard shows it in a tab of its own, ``camaug``: every image in every epoch, with the maps as they are. Under
    its ordinary tabs stands one picture for each probe image under a constant tag, so that its step slider is time (the
    epoch): the image, the heat of the predicted class and, where it differs, of the true class, with names and
    confidences; an overview of all of them; and as scalars how much the maps changed since the last look
    (``cam/drift``, see :class:`camaug.metrics.Drift`), the mean confidence in the true class, the share of maps
    without any evidence and, where the data set knows the object (``object_mask(index)``), the share of the maps'
    mass that lies on it beside the share of the image that it covers; and what speaks against the heatmaps
    (``cam/centre_bias``, ``cam/class_similarity``, ``cam/head_similarity``, see :class:`camaug.metrics.Trust`). A
    heatmap that is blank, or the same whatever the class or the head, says so in its caption. ``trainer.validate`` and
    ``trainer.test`` log under ``cam_validate`` and ``cam_test``. Other loggers get the pictures: those with a
    ``log_image`` (Weights & Biases), MLflow, and as files those with a folder (``CSVLogger``).

    The training is not changed by being watched, and is not ended: a failure while drawing is a warning with its
    traceback. What can be known beforehand to be wrong is an error before the first batch.

    Checkpoints carry the last look's maps, so that the first drift after resuming is what it would have been; and what
    is logged before a checkpoint is written to the disk before it.

    Args:
        explainer: The method: a name of ``camaug.list_explainers()``, or an explainer with its settings.
        images: How many images are watched; None for 16, or fewer where there are fewer. They come from the validation
            data, spread over the classes; without validation data from the training data.
        every_n_epochs: Log after every n-th epoch.
        colormap: Colours of the heat: ``viridis``, ``cividis``, ``inferno``, ``turbo``, ``jet`` or ``gray``. The first
            three tell high from low to colour-blind eyes too.
        strength: Share of the heat in the overlay, in [0, 1].
        mean: Mean of each channel that the images were normalised with. By default the data module's ``mean``, or that
            of a ``Normalize`` among the data set's transforms; where neither is known, each image is stretched.
        std: Standard deviation of each channel, likewise.
        class_names: Names of the classes. By default the data module's or the data set's ``classes``.
        forward: ``forward(module, images)`` gives logits, for a LightningModule whose own forward does not.
        trust_every_n_epochs: At the first look, and then at least so many epochs apart, compare each heatmap with that
            of the runner-up class and with that of a random head (``cam/class_similarity``, ``cam/head_similarity``,
            see :class:`camaug.metrics.Trust`), and say in the caption of one that correlates with either by 0.99 or
            more that it ignores the class or the head. Each image is then explained twice more; every fifth epoch, that
            is two fifths more work on average. None for never. Methods that show the same for every class by design
            are not compared.
        fast: Whether the fast forward explains, as long as its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).
        images_every_n_epochs: After every how many epochs the ordinary pictures are logged, which are most of an
            event file; the tab has every epoch without them. None is every epoch, except in TensorBoard's files of
            trainings of more than 20 epochs: there the first, the last and about ten between, since its page of images
            keeps ten.
        tag: What everything is logged under. A second ``CamLogger`` of a trainer, as for another method, needs one of
            its own.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> logger = CamLogger(explainer="grad-cam", images=8)
        >>> trainer = L.Trainer(callbacks=[logger], logger=True, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "group-cam",
        images: int | None = None,
        every_n_epochs: int = 1,
        colormap: str = "viridis",
        strength: float = 0.5,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        class_names: Sequence[str] | None = None,
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
        trust_every_n_epochs: int | None = 5,
        fast: bool = True,
        images_every_n_epochs: int | None = None,
        tag: str = "cam",
    ) -> None:
        counts = {
            "images": images,
            "every_n_epochs": every_n_epochs,
            "trust_every_n_epochs": trust_every_n_epochs,
            "images_every_n_epochs": images_every_n_epochs,
        }
        for name, value in counts.items():
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}")
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be between 0 and 1, got {strength}")
        if colormap not in COLORMAPS:
            raise ValueError(f"unknown colour map {colormap!r}, expected one of {', '.join(COLORMAPS)}")
        if not re.fullmatch(r"[\w.-]+", tag):
            raise ValueError(f"`tag` must be of letters, digits, '_', '-' and '.', got {tag!r}")
        self.explainer = as_explainer(explainer)
        self.images = images
        self.every_n_epochs = every_n_epochs
        self.colormap = colormap
        self.strength = strength
        self.mean, self.std = mean, std
        self.class_names = class_names
        self.forward = forward
        self.trust_every_n_epochs = trust_every_n_epochs
        self.fast = fast
        self.images_every_n_epochs = images_every_n_epochs
        self.tag = tag
        self._explaining: FastPath | None = None
        self._probes: Probes | None = None
        self._dataset: Any = None
        self._previous: Maps | None = None
        self._compared_in: int | None = None  # the epoch
        self._begun: set[str] = set()  # the prefixes under which the images themselves were written
        self._warned: set[str] = set()

    # Lightning's hooks

    @property
    def state_key(self) -> str:
        """Under which a checkpoint keeps the state: several loggers have one each."""
        return self._generate_state_key(tag=self.tag, explainer=self.explainer.name)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked before there are data."""
        refuse_sharded(trainer, self)
        self._refuse_shared_tags(trainer)
        self._probes = self._previous = self._compared_in = None
        self._begun = set()
        self._explaining = FastPath(
            self.explainer,
            pl_module,
            self._forward(pl_module),
            enabled=self.fast,
            notify=lambda what: rank_zero_info(f"CamLogger: {what}"),
        )
        if not trainer.fast_dev_run and not any(can_log_images(logger) for logger in trainer.loggers):
            rank_zero_warn(
                "CamLogger found no logger that takes pictures, so no heatmap will be seen: "
                "pass logger=TensorBoardLogger(...) to the Trainer"
            )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and try the explainer on one of them."""
        without_validation = trainer.val_dataloaders is None or trainer.val_dataloaders == []
        self._begin(trainer, pl_module, trainer.train_dataloader if without_validation else trainer.val_dataloaders)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """In ``trainer.validate``, choose the images and try the explainer."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._begin(trainer, pl_module, trainer.val_dataloaders)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and try the explainer."""
        self._begin(trainer, pl_module, trainer.test_dataloaders)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log, after the epoch's validation."""
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._log(trainer, pl_module, self.tag)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """In ``trainer.validate``, log."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._log(trainer, pl_module, f"{self.tag}_validate")

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log."""
        self._log(trainer, pl_module, f"{self.tag}_test")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Have what Lightning logged at the last epoch's end on the disk, whatever happens in this one."""
        self._flush(trainer)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Have on the disk what a run that resumes from this checkpoint will not log again."""
        self._flush(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The last look's maps, and how and since when maps are made and compared."""
        previous = self._previous
        return {
            "previous": {} if previous is None else {"indices": list(previous.indices), "maps": previous.true_maps},
            "compared_in": self._compared_in,
            "explaining": {} if self._explaining is None else self._explaining.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the interrupted run's last look."""
        previous = state_dict.get("previous")
        self._previous = Maps(previous["indices"], previous["maps"]) if previous else None
        self._compared_in = state_dict.get("compared_in")
        if self._explaining is not None:
            self._explaining.load_state_dict(state_dict.get("explaining", {}))

    # The work, on rank zero alone and without collectives, so that no failure leaves other ranks waiting. Of a sharded
    # model the others hand over their weights first, whatever rank zero does with them.

    def _begin(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        if trainer.is_global_zero:
            if trainer.state.fn != TrainerFn.FITTING:  # the looks of a training, which its checkpoint has brought along
                self._previous = self._compared_in = None
            self._choose(trainer, first_loader(loaders))
        try:
            with whole_weights(pl_module, here=self._probes is not None):
                if self._probes is not None:
                    self._try(trainer, pl_module, self._probes)
        except (ValueError, TypeError):  # what the user asked for cannot work
            raise
        except Exception:
            end_if_terminated(trainer)
            self._warn("could not explain a first image")

    def _choose(self, trainer: L.Trainer, loader: Any) -> None:
        if not hasattr(loader, "dataset"):
            rank_zero_warn(
                f"CamLogger chooses its images from a loader's data set, and a {type(loader).__name__} has none, so no "
                "heatmap will be seen: use a torch DataLoader for validation"
            )
            return
        self._dataset = loader.dataset
        try:
            self._probes = choose_probes(loader, self.images or DEFAULT_IMAGES, exactly=self.images is not None)
            warn_of_empty_masks("CamLogger", self._probes)
        except (ValueError, TypeError):  # what the user asked for cannot work
            raise
        except Exception:
            end_if_terminated(trainer)
            self._warn("could not read its images, and no heatmap will be seen")

    def _try(self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes) -> None:
        with isolate_rng():
            images = images_on_device(trainer, probes.batches[0])[:1]
            with trainer.precision_plugin.forward_context():
                layers = self.explainer(pl_module, images, forward=self._forward(pl_module)).layers
        where = f" at {', '.join(layers)}" if layers else ""
        rank_zero_info(f"CamLogger: {self.explainer.name}{where}, {len(probes.indices)} images")

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        try:
            logged = trainer.callback_metrics  # which synchronises: every process asks
            with whole_weights(pl_module, here=self._probes is not None):
                if self._probes is None:
                    return
                with isolate_rng():  # the hooks that move a batch may draw random numbers
                    snapshot = self._look(trainer, pl_module, self._probes)
                    snapshot = with_drift(snapshot, self._comparable(snapshot))
                    snapshot = self._compare(trainer, pl_module, self._probes, snapshot)
            self._write(trainer, pl_module, snapshot, prefix, logged)
        except Exception:
            end_if_terminated(trainer)
            self._warn(f"could not log heatmaps in epoch {trainer.current_epoch}")

    def _look(self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes) -> Snapshot:
        parts = []
        layers: tuple[str, ...] = ()
        grid: tuple[int, int] | None = None
        labels = torch.tensor([-1 if label is None else label for label in probes.labels])
        for batch, true in zip(probes.batches, labels.split(_lengths(probes.batches)), strict=True):
            images = images_on_device(trainer, batch)
            explanation = self._explain(trainer, pl_module, images)
            layers, grid = explanation.layers, explanation.grid
            predicted, maps = explanation.targets.cpu(), explanation.maps.cpu()
            true_maps = maps.clone()
            wrong = ((true != predicted) & (true >= 0)).nonzero()[:, 0]
            if len(wrong):
                asked = images[wrong.to(images.device)], true[wrong].to(images.device)
                true_maps[wrong] = self._explain(trainer, pl_module, *asked).maps.cpu()
            pictures = denormalise(images, *self._normalisation(trainer))
            parts.append((pictures, explanation.logits.float().softmax(dim=1).cpu(), predicted, maps, true_maps))
        found = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        masks = None if probes.masks is None else torch.stack(list(probes.masks))
        return Snapshot(probes.indices, probes.labels, *found, masks, layers=layers, grid=grid)

    def _compare(
        self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes, snapshot: Snapshot
    ) -> Snapshot:
        """The look, where it is due with how similar its heatmaps are to those of another class and a random head."""
        every, last = self.trust_every_n_epochs, self._compared_in
        due = every is not None and (last is None or trainer.current_epoch - last >= every)
        if not due or not self.explainer.class_specific:
            return snapshot
        self._compared_in = trainer.current_epoch
        lengths = _lengths(probes.batches)
        similarities = []
        try:
            for batch, maps, targets in zip(
                probes.batches, snapshot.maps.split(lengths), snapshot.predicted.split(lengths), strict=True
            ):
                images = images_on_device(trainer, batch)
                asked = (self.explainer, pl_module, images, maps.to(images.device), targets.to(images.device))
                with trainer.precision_plugin.forward_context():
                    found = [
                        ask(*asked, forward=self._forward(pl_module)) for ask in (class_similarity, head_similarity)
                    ]
                similarities.append([each.cpu() for each in found])
        except Exception:
            end_if_terminated(trainer)
            self._warn(
                "could not compare heatmaps with those of another class and of a random head in epoch "
                f"{trainer.current_epoch}"
            )
            return snapshot
        of_class, of_head = (torch.cat(parts) for parts in zip(*similarities, strict=True))
        return replace(snapshot, class_similarity=of_class, head_similarity=of_head)

    def _write(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        snapshot: Snapshot,
        prefix: str,
        logged: Mapping[str, Tensor],
    ) -> None:
        names = self.class_names or find_class_names(trainer, self._dataset)
        due = trainer.loggers  # validating and testing have one look each
        if prefix == self.tag:
            due = [logger for logger in trainer.loggers if self._takes_pictures_now(logger, trainer)]
        if due:
            self._write_pictures(due, snapshot, prefix, names, trainer.current_epoch)
        self._doubt(trainer, snapshot)
        values = {f"{prefix}/{name}": value for name, value in snapshot_metrics(snapshot).items()}
        # The augmentation logs at the same moment or after it, so that what is known of it is the last epoch's.
        current = {name: value for name, value in logged.items() if not name.startswith("augmentation/")}
        known = {name: float(value) for name, value in current.items() if value.numel() == 1}
        self._write_strip(trainer, pl_module, snapshot, prefix, {**values, **known}, names)
        self._previous = Maps(snapshot.indices, snapshot.true_maps)
        # A CamEvaluator beside this logger has the figures that both know, of more images.
        values = {name: value for name, value in values.items() if name not in logged}
        # Where Lightning logs an epoch's own figures: at its last step, which a checkpoint at its end has behind it.
        step = max(trainer.global_step - 1, 0) if trainer.state.fn == TrainerFn.FITTING else trainer.global_step
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)

    def _comparable(self, snapshot: Snapshot) -> Tensor | None:
        """The last look's maps, if they are of the same images."""
        last = self._previous
        same = last is not None and list(last.indices) == list(snapshot.indices)
        return (
            last.true_maps if last is not None and same and last.true_maps.shape == snapshot.true_maps.shape else None
        )

    def _flush(self, trainer: L.Trainer) -> None:
        if not trainer.is_global_zero:
            return
        try:
            for logger in trainer.loggers:
                if isinstance(logger, TensorBoardLogger):
                    logger.experiment.flush()
        except Exception:
            self._warn("could not write what is logged to the disk")

    def _takes_pictures_now(self, logger: Logger, trainer: L.Trainer) -> bool:
        epoch = trainer.current_epoch
        if self.images_every_n_epochs is not None:
            return (epoch + 1) % self.images_every_n_epochs == 0
        return not isinstance(logger, TensorBoardLogger) or logs_images_in_epoch(epoch, trainer.max_epochs)

    def _write_pictures(
        self, loggers: Sequence[Logger], snapshot: Snapshot, prefix: str, names: Sequence[str] | None, epoch: int
    ) -> None:
        painted = (snapshot, names, self.colormap, self.strength)
        for index, label, panel in zip(snapshot.indices, snapshot.labels, draw_panels(*painted), strict=True):
            folder = "" if label is None else f"{safe_tag(class_label(names, label))}/"
            write_image(loggers, f"{prefix}/{folder}{index}", panel, epoch)
        write_image(loggers, f"{prefix}/overview", draw_overview(*painted), epoch)

    def _write_strip(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        snapshot: Snapshot,
        prefix: str,
        values: Mapping[str, float],
        names: Sequence[str] | None,
    ) -> None:
        writers = [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        if not writers:
            return
        epoch, method = trainer.current_epoch, self.explainer.name
        record = snapshot_record(snapshot, values)
        about = {
            "epoch": epoch,
            "step": trainer.global_step,
            "method": method,
            "settings": settings_line(self.explainer, unwrap(pl_module)),
            "layer": ", ".join(snapshot.layers),
        }
        for writer in writers:
            if prefix not in self._begun:
                write_originals(writer, snapshot, prefix, method, names, epoch)
            write_strip(writer, snapshot, prefix, method, record, about)
        self._begun.add(prefix)

    def _explain(
        self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, targets: Tensor | None = None
    ) -> Any:
        with trainer.precision_plugin.forward_context():
            assert self._explaining is not None, "setup comes first"
            return self._explaining(images, targets)

    def _forward(self, pl_module: L.LightningModule) -> Callable[[Tensor], Tensor] | None:
        return bind_forward(self.forward, pl_module)

    def _normalisation(self, trainer: L.Trainer) -> tuple[Sequence[float] | None, Sequence[float] | None]:
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        return find_normalisation(trainer, self._dataset)

    def _refuse_shared_tags(self, trainer: L.Trainer) -> None:
        """Two of these under one tag would overwrite each other's pictures."""
        others = [each for each in trainer.callbacks if isinstance(each, CamLogger) and each is not self]  # type: ignore[attr-defined]
        shared = sorted({prefix for other in others for prefix in other._prefixes} & set(self._prefixes))
        if shared:
            raise ValueError(
                f"two CamLoggers would log under {shared[0]!r}, each over the other's pictures: give one a tag of its "
                f"own, as CamLogger(..., tag={self.explainer.name!r})"
            )

    @property
    def _prefixes(self) -> tuple[str, str, str]:
        return self.tag, f"{self.tag}_validate", f"{self.tag}_test"

    def _doubt(self, trainer: L.Trainer, snapshot: Snapshot) -> None:
        """Say once for each reason that more than half of the heatmaps are not to be trusted."""
        for reason, count in count_trust_warnings(snapshot).items():
            if 2 * count > len(snapshot.maps) and reason not in self._warned:
                self._warned.add(reason)
                rank_zero_warn(
                    f"CamLogger: in epoch {trainer.current_epoch} {count} of {len(snapshot.maps)} heatmaps of "
                    f"{self.explainer.name} are not to be trusted ({reason}). It is not said again; the captions and "
                    f"the figures under {self.tag}/ tell it from then on"
                )

    def _warn(self, what: str) -> None:
        trace = traceback.format_exc()
        cause = trace.strip().splitlines()[-1]
        if cause not in self._warned:
            self._warned.add(cause)
            rank_zero_warn(f"CamLogger {what}; training goes on. The same cause is not reported again.\n{trace}")


def _lengths(batches: Sequence[Any]) -> list[int]:
    return [len(find_images_and_labels(batch).images) for batch in batches]
