"""Heatmaps of the same images, logged every epoch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from camaug.batches import find_images_and_labels
from camaug.explainers import Explainer, get_explainer
from camaug.layers import resolve_layer
from camaug.metrics import Drift, MassInMask
from camaug.render import COLORMAPS, caption, denormalise, enlarge, grid, overlay, row

from .pictures import can_take_pictures, class_names, normalisation, safe_tag, write_picture
from .probes import Probes, choose_probes
from .strategies import refuse_sharded

__all__ = ["CamLogger"]

SMALLEST_SIDE = 192
RIGHT, WRONG, NEUTRAL = (46, 160, 67), (218, 54, 51), (110, 118, 129)


@dataclass(frozen=True)
class _Look:
    """What one look at the probes found; every field has one entry for each image."""

    pictures: Tensor
    predicted: Tensor
    probabilities: Tensor
    maps: Tensor
    true_maps: Tensor


class CamLogger(L.Callback):
    """Logs what the model looks at, every epoch, for the same images.

    To TensorBoard go one picture for each probe image under a constant tag, so that its step slider is time (the
    epoch): the image, the heat of the predicted class and, where it differs, of the true class, with names and
    confidences; an overview of all of them; and as scalars how much the maps changed since the last look
    (``cam/drift``, see :class:`camaug.metrics.Drift`), the mean confidence in the true class, the share of maps
    without any evidence and, where the data set knows the object (``object_mask(index)``), the share of the maps'
    mass that lies on it beside the share of the image that it covers. ``trainer.validate`` and ``trainer.test`` log
    under ``cam_validate`` and ``cam_test``.

    The training is not changed by being watched, and is not ended: a failure while drawing is a warning with its
    traceback. What can be known beforehand to be wrong is an error before the first batch.

    Args:
        explainer: The method: a name of ``camaug.list_explainers()``, or an explainer with its settings.
        images: How many images are watched. They come from the validation data, spread over the classes; without
            validation data from the training data.
        every_n_epochs: Log after every n-th epoch.
        colormap: Colours of the heat: ``turbo``, ``inferno``, ``viridis``, ``cividis``, ``jet`` or ``gray``.
        strength: Share of the heat in the overlay, in [0, 1].
        mean: Mean of each channel that the images were normalised with. By default the data module's ``mean``, or that
            of a ``Normalize`` among the data set's transforms; where neither is known, each image is stretched.
        std: Standard deviation of each channel, likewise.
        class_names: Names of the classes. By default the data module's or the data set's ``classes``.
        forward: ``forward(module, images)`` gives logits, for a LightningModule whose own forward does not.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> logger = CamLogger(explainer="grad-cam", images=8)
        >>> trainer = L.Trainer(callbacks=[logger], logger=True, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "group-cam",
        images: int = 16,
        every_n_epochs: int = 1,
        colormap: str = "turbo",
        strength: float = 0.5,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        class_names: Sequence[str] | None = None,
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
    ) -> None:
        for name, value in (("images", images), ("every_n_epochs", every_n_epochs)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}")
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be between 0 and 1, got {strength}")
        if colormap not in COLORMAPS:
            raise ValueError(f"unknown colour map {colormap!r}, expected one of {', '.join(COLORMAPS)}")
        self.explainer = get_explainer(explainer) if isinstance(explainer, str) else explainer
        self.images = images
        self.every_n_epochs = every_n_epochs
        self.colormap = colormap
        self.strength = strength
        self.mean, self.std = mean, std
        self.class_names = class_names
        self.forward = forward
        self._probes: Probes | None = None
        self._dataset: Any = None
        self._previous: Tensor | None = None
        self._warned: set[str] = set()

    # Lightning's hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked before there are data."""
        refuse_sharded(trainer, self)
        self._probes = self._previous = None
        if not trainer.fast_dev_run and not any(can_take_pictures(logger) for logger in trainer.loggers):
            rank_zero_warn(
                "CamLogger found no logger that takes pictures, so no heatmap will be seen: "
                "pass logger=TensorBoardLogger(...) to the Trainer"
            )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the images and try the explainer on one of them."""
        self._begin(trainer, pl_module, trainer.val_dataloaders or trainer.train_dataloader)

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
            self._log(trainer, pl_module, "cam")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """In ``trainer.validate``, log."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._log(trainer, pl_module, "cam_validate")

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log."""
        self._log(trainer, pl_module, "cam_test")

    # The work, on rank zero alone and without collectives, so that no failure leaves other ranks waiting

    def _begin(self, trainer: L.Trainer, pl_module: L.LightningModule, loaders: Any) -> None:
        if not trainer.is_global_zero:
            return
        loader = _first_loader(loaders)
        self._dataset = loader.dataset
        count = min(self.images, len(loader.dataset)) if trainer.fast_dev_run else self.images
        self._probes = choose_probes(loader, count)
        if isinstance(self.explainer.layer, str):
            resolve_layer(pl_module, self.explainer.layer, torch.empty(0))
        try:
            images = self._on_device(trainer, self._probes.batches[0])[:1]
            self._explain(trainer, pl_module, images)
        except (ValueError, TypeError):  # what the user asked for cannot work
            raise
        except Exception:
            self._warn("could not explain a first image")

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule, prefix: str) -> None:
        if self._probes is None:
            return
        try:
            look = self._look(trainer, pl_module, self._probes)
            self._write_pictures(trainer, look, prefix)
            self._write_figures(trainer, look, prefix)
        except Exception:
            self._warn(f"could not log heatmaps in epoch {trainer.current_epoch}")

    def _look(self, trainer: L.Trainer, pl_module: L.LightningModule, probes: Probes) -> _Look:
        parts = []
        labels = torch.tensor([-1 if label is None else label for label in probes.labels])
        for batch, true in zip(probes.batches, labels.split(_lengths(probes.batches)), strict=True):
            images = self._on_device(trainer, batch)
            explanation = self._explain(trainer, pl_module, images)
            predicted, true_maps = explanation.targets.cpu(), explanation.maps.cpu()
            wrong = ((true != predicted) & (true >= 0)).nonzero()[:, 0]
            if len(wrong):
                targets = true[wrong].to(images.device)
                true_maps[wrong] = self._explain(
                    trainer, pl_module, images[wrong.to(images.device)], targets
                ).maps.cpu()
            probabilities = explanation.logits.float().softmax(dim=1).cpu()
            pictures = denormalise(images, *self._normalisation(trainer))
            parts.append((pictures, predicted, probabilities, explanation.maps.cpu(), true_maps))
        return _Look(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    def _explain(
        self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, targets: Tensor | None = None
    ) -> Any:
        forward = None if self.forward is None else lambda queries: self.forward(pl_module, queries)  # type: ignore[misc]
        with trainer.precision_plugin.forward_context():
            return self.explainer(pl_module, images, targets, forward=forward)

    def _on_device(self, trainer: L.Trainer, batch: Any) -> Tensor:
        """The images of a batch as the model gets them in validation."""
        with _as_validation(trainer):
            batch = trainer.precision_plugin.convert_input(batch)
            batch = trainer.strategy.batch_to_device(batch, dataloader_idx=0)
        return find_images_and_labels(batch).images

    def _normalisation(self, trainer: L.Trainer) -> tuple[Sequence[float] | None, Sequence[float] | None]:
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        return normalisation(trainer, self._dataset)

    # Pictures and figures

    def _write_pictures(self, trainer: L.Trainer, look: _Look, prefix: str) -> None:
        assert self._probes is not None
        pictures = enlarge(look.pictures, SMALLEST_SIDE)
        size = pictures.shape[-2:]
        heat = overlay(pictures, _fit(look.maps, size), self.colormap, self.strength)
        true_heat = overlay(pictures, _fit(look.true_maps, size), self.colormap, self.strength)
        names = self.class_names or class_names(trainer, self._dataset)
        overview = []
        for place, (index, label) in enumerate(zip(self._probes.indices, self._probes.labels, strict=True)):
            predicted, probabilities = int(look.predicted[place]), look.probabilities[place]
            right = None if label is None else predicted == label
            mark = NEUTRAL if right is None else RIGHT if right else WRONG
            said = f"{_name(names, predicted)} {probabilities[predicted]:.0%}"
            truth = "unlabelled" if label is None else _name(names, label)
            panels = [
                caption(pictures[place], [truth, f"image {index}"], mark=NEUTRAL),
                caption(heat[place], [said, "predicted" + _verdict(right)], mark=mark),
            ]
            if right is False and label is not None:
                lines = [f"{truth} {probabilities[label]:.0%}", "true class"]
                panels.append(caption(true_heat[place], lines, mark=NEUTRAL))
            else:
                panels.append(caption(torch.full_like(pictures[place], 0.11), ["", ""]))
            overview.append(caption(heat[place], [said], mark=mark))
            folder = "" if label is None else f"{safe_tag(truth)}/"
            write_picture(trainer, f"{prefix}/{folder}{index}", row(panels), trainer.current_epoch)
        write_picture(trainer, f"{prefix}/overview", grid(overview), trainer.current_epoch)

    def _write_figures(self, trainer: L.Trainer, look: _Look, prefix: str) -> None:
        assert self._probes is not None
        # Metrics synchronise when they are computed; rank zero alone is here, and would wait for the others for ever.
        figures: dict[str, Tensor] = {"flat_maps": (look.maps.amax(dim=(1, 2)) == 0).float().mean()}
        known = [place for place, label in enumerate(self._probes.labels) if label is not None]
        if known:
            true = torch.tensor([self._probes.labels[place] for place in known])
            figures["confidence"] = look.probabilities[known, true].mean()
        if self._previous is not None:
            drift = Drift(sync_on_compute=False)
            drift.update(look.true_maps, self._previous)
            figures |= drift.compute()
        if self._probes.masks is not None:
            mass = MassInMask(sync_on_compute=False)
            mass.update(look.true_maps, torch.stack(list(self._probes.masks)))
            figures |= {f"object_{name}": value for name, value in mass.compute().items()}
        self._previous = look.true_maps
        values = {f"{prefix}/{name}": float(value) for name, value in figures.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)

    def _warn(self, what: str) -> None:
        trace = traceback.format_exc()
        cause = trace.strip().splitlines()[-1]
        if cause not in self._warned:
            self._warned.add(cause)
            rank_zero_warn(f"CamLogger {what}; training goes on. The same cause is not reported again.\n{trace}")


@contextmanager
def _as_validation(trainer: L.Trainer) -> Iterator[None]:
    """Let the hooks that move a batch see the validation stage, so that they do not augment it."""
    stage = trainer.state.stage
    if trainer.state.fn == TrainerFn.FITTING:
        trainer.validating = True
    try:
        yield
    finally:
        trainer.state.stage = stage


def _first_loader(loaders: Any) -> Any:
    """The loader itself, or the first of a list or dict of them."""
    while isinstance(loaders, list | tuple | dict):
        loaders = next(iter(loaders.values() if isinstance(loaders, dict) else loaders))
    return loaders


def _lengths(batches: Sequence[Any]) -> list[int]:
    return [len(find_images_and_labels(batch).images) for batch in batches]


def _fit(maps: Tensor, size: Sequence[int]) -> Tensor:
    if maps.shape[-2:] == torch.Size(size):
        return maps
    return torch.nn.functional.interpolate(maps[:, None], size=tuple(size), mode="bilinear")[:, 0]


def _name(names: Sequence[str] | None, index: int) -> str:
    return names[index] if names is not None and index < len(names) else f"class {index}"


def _verdict(right: bool | None) -> str:
    return "" if right is None else ", right" if right else ", wrong"
