"""Snapshots of the probe images in the course of a training run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from camaug.explainers import Explainer, Explanation
from camaug.explainers.fast_path import FastPath
from camaug.utils.copied_to import copied_to
from camaug.utils.preserved_random_state import preserved_random_state

from .._trainer.trainer_progress import trainer_progress
from .check_integer_images import check_integer_images
from .explain_first import explain_first
from .explain_probes import explain_probes
from .image_display import ImageDisplay
from .probe_source import ProbeSource
from .probes import Probes
from .snapshot import Snapshot
from .warn_once import WarnOnce
from .with_drift import with_drift
from .with_similarities import with_similarities

__all__ = ["SnapshotTaker"]


class _PreviousMaps(NamedTuple):
    """True classes' maps (N, H, W) of the previous snapshot and the indices of its images in the data set."""

    indices: Sequence[int]
    maps: Tensor

    def of(self, snapshot: Snapshot) -> Tensor | None:
        """Return the maps if they are of the snapshot's images, else None."""
        same_images = list(self.indices) == list(snapshot.indices)
        return self.maps if same_images and self.maps.shape == snapshot.true_maps.shape else None


class SnapshotTaker:
    """Source of snapshots, each compared with the previous one, some also with other classes and a random head.

    Its state belongs into checkpoints, so that a resumed run has the snapshots of an uninterrupted one.

    Args:
        trainer: The Trainer.
        pl_module: The model, which stays unchanged.
        explainer: The method.
        forward: Function from images to logits, None for the model itself.
        fast: Whether the fast forward pass is used where its maps agree with the plain ones.
        trust_every_n_snapshots: Snapshots between two checks against another class and a random head, None for none.
        warn_once: Warnings of the callback.

    Attributes:
        classes: Number of the model's classes, 0 before :meth:`start`.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        explainer: Explainer,
        forward: Callable[[Tensor], Tensor] | None,
        *,
        fast: bool,
        trust_every_n_snapshots: int | None,
        warn_once: WarnOnce,
    ) -> None:
        self._trainer, self._module = trainer, pl_module
        self._forward = forward
        self._trust_every_n_snapshots = trust_every_n_snapshots
        self._warn_once = warn_once
        self._fast_path = FastPath(
            explainer,
            pl_module,
            forward,
            enabled=fast,
            notify=lambda message: rank_zero_info(f"{warn_once.name}: {message}"),
        )
        self.classes = 0
        self._previous: _PreviousMaps | None = None
        self._number = 0  # of the next snapshot
        self._resumed_fast_path: dict[str, Any] = {}

    @property
    def explainer(self) -> Explainer:
        """The method in use: the one given, or Group-CAM without gradients if the model has none."""
        return self._fast_path.explainer

    def start(self, source: ProbeSource, probes: Probes, display: ImageDisplay) -> Probes:
        """Explain the probe images before the first snapshot, and return them with the labels that fit the model.

        In ``fit`` the first snapshot is compared with this explanation. A resumed run has a previous snapshot.

        Args:
            source: Source of the probe images.
            probes: The probe images.
            display: How the images are shown.

        Raises:
            ValueError: If the explainer does not fit the model, or the model does not take floating-point images.
            TypeError: If the model does not return logits.
        """
        is_fitting = self._trainer.state.fn == TrainerFn.FITTING
        if not is_fitting:
            self._previous, self._number = None, 0  # of another run
        first = self._explain_first(probes)
        self.classes = first.logits.shape[1]
        probes = source.with_classes(probes, self.classes, self._module)
        at = f" at {', '.join(first.layers)}" if first.layers else ""
        bands = display.describe_bands(probes.channels)
        shown = f", of which {bands} of {probes.channels} are shown" if bands else ""
        rank_zero_info(f"{self._warn_once.name}: {self.explainer.name}{at}, {len(probes.indices)} images{shown}")
        is_known = self._previous is not None and list(self._previous.indices) == list(probes.indices)
        if is_fitting and not is_known:
            with preserved_random_state():
                snapshot = self._explain_all(probes, display)
            self._previous = _PreviousMaps(snapshot.indices, snapshot.true_maps)
        return probes

    def take(self, probes: Probes, display: ImageDisplay) -> Snapshot:
        """Take a snapshot of the probe images, which becomes the next one's previous snapshot.

        Raises:
            ValueError: If the model does not take floating-point images.
        """
        with preserved_random_state():  # hooks that move a batch may draw random numbers
            snapshot = replace(self._explain_all(probes, display), number=self._number)
            snapshot = with_drift(snapshot, None if self._previous is None else self._previous.of(snapshot))
            snapshot = self._check_trust(snapshot, probes)
        self._previous = _PreviousMaps(snapshot.indices, snapshot.true_maps)
        self._number += 1
        return snapshot

    def explain(self, images: Tensor, targets: Tensor) -> Explanation:
        """Explain other images (N, C, H, W) for k classes each, (N, k), with the method and precision of snapshots."""
        with preserved_random_state(), self._trainer.precision_plugin.forward_context():
            return self._fast_path(images, targets, deciding=False)

    def state_dict(self) -> dict[str, Any]:
        """Return the previous snapshot's maps, the number of snapshots and the fast path's state."""
        return {
            "previous": None if self._previous is None else {**self._previous._asdict()},
            "number": self._number,
            "fast_path": self._fast_path.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue after the previous snapshot of the interrupted run."""
        previous = state_dict.get("previous")
        self._previous = _PreviousMaps(**previous) if previous else None
        self._number = state_dict.get("number", 0)
        self._resumed_fast_path = state_dict.get("fast_path", {})
        self._fast_path.load_state_dict(self._resumed_fast_path)

    def _explain_first(self, probes: Probes) -> Explanation:
        with preserved_random_state(), self._trainer.precision_plugin.forward_context():
            self._check_integers(probes)
            used, first = explain_first(
                self.explainer, self._module, self._first_image(probes), self._forward, self._warn
            )
        if used is not self.explainer:
            self._fast_path.use(used)
            self._fast_path.load_state_dict(self._resumed_fast_path)
        return first

    def _warn(self, sentence: str) -> None:
        self._warn_once(sentence, f"{self._warn_once.name}: {sentence}")

    def _explain_all(self, probes: Probes, display: ImageDisplay) -> Snapshot:
        self._check_integers(probes)
        track = partial(trainer_progress, self._trainer, description="explaining probe images")
        return explain_probes(probes, self._explain, display, self._module.device, track)

    def _first_image(self, probes: Probes) -> Tensor:
        return copied_to(probes.batches[0][:1], self._module.device)

    def _check_integers(self, probes: Probes) -> None:
        check_integer_images(self._module, self._first_image(probes), self._forward, probes.integer_dtype)

    def _explain(self, images: Tensor, targets: Tensor | None) -> Explanation:
        with self._trainer.precision_plugin.forward_context():
            return self._fast_path(images, targets)

    def _check_trust(self, snapshot: Snapshot, probes: Probes) -> Snapshot:
        every, epoch = self._trust_every_n_snapshots, self._trainer.current_epoch
        if every is None or snapshot.number % every or not self.explainer.class_specific:
            return snapshot
        failure = f"could not compare heatmaps with those of another class and of a random head in epoch {epoch}"
        with self._warn_once.instead_of_error(self._trainer, failure):
            return with_similarities(snapshot, probes, self._trainer, self._module, self.explainer, self._forward)
        return snapshot
