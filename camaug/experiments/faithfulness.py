"""Insertion and deletion of one method, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from camaug.experiments.bootstrap_experiment import BootstrapExperiment
from camaug.experiments.counting_forward import CountingForward
from camaug.experiments.experiment import Track
from camaug.experiments.image_batch import ImageBatch, image_count
from camaug.experiments.mean_interval import paired_interval
from camaug.experiments.supported_methods import explain
from camaug.experiments.table import Interval
from camaug.experiments.target_classes import TargetKind
from camaug.explainers import Explainer
from camaug.metrics import area_under, insertion_deletion_curves
from camaug.metrics.insertion_deletion import Preset, step_size
from camaug.utils.timing import now

__all__ = ["Faithfulness", "FaithfulnessExperiment"]


@dataclass(frozen=True)
class Faithfulness:
    """Insertion and deletion of one method.

    Attributes:
        inserted: Insertion curve of each image, (N, steps + 1), in [0, 1].
        deleted: Deletion curve of each image, (N, steps + 1), in [0, 1].
        constant_maps: Number of images with a constant map. They count, with their pixels in random order.
        queries: Images in forward passes to explain one image.
        seconds: Time to explain one image.
    """

    inserted: Tensor
    deleted: Tensor
    constant_maps: int
    queries: float
    seconds: float

    @property
    def insertion(self) -> Tensor:
        """Area under each insertion curve, (N,)."""
        return area_under(self.inserted)

    @property
    def deletion(self) -> Tensor:
        """Area under each deletion curve, (N,)."""
        return area_under(self.deleted)

    @property
    def over_all(self) -> Tensor:
        """Insertion minus deletion, (N,), in [-1, 1]."""
        return self.insertion - self.deletion


@dataclass(frozen=True, kw_only=True)
class FaithfulnessExperiment(BootstrapExperiment):
    """Experiment that measures the insertion and deletion of methods.

    Args:
        target: Explained class of each image: ``predicted``, or its ``label``.
        preset: ``paper`` or ``script``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that change in a step, a share if below 1; None for the preset's.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.
        chunk_size: Images in one forward pass of the measurement.
    """

    target: TargetKind = "predicted"
    preset: Preset = "paper"
    step: float | None = None
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        step_size(self.preset, self.step)

    def _faithfulness(
        self,
        method: Explainer,
        model: nn.Module,
        batches: Sequence[ImageBatch],
        targets: Sequence[Tensor],
        track: Track,
        description: str,
    ) -> Faithfulness:
        """Explain every image and measure the maps.

        Args:
            method: The method.
            model: The classifier; it is left unchanged.
            batches: The images.
            targets: Explained classes of each batch, (N,).
            track: Shows the progress.
            description: Description of the work, for ``track``.

        Raises:
            UnsupportedModelError: If the method does not support the model.
        """
        # The first call may search for the layer and is slower than the later ones.
        explain(method, model, batches[0].images[:1], targets[0][:1])
        forward = CountingForward(model)
        inserted: list[Tensor] = []
        deleted: list[Tensor] = []
        constant_maps, seconds = 0, 0.0
        for number in track(range(len(batches)), description):
            images, classes = batches[number].images, targets[number]
            start = now(images.device)
            maps = explain(method, model, images, classes, forward).maps
            seconds += now(images.device) - start
            constant_maps += int((maps.flatten(1).amax(dim=1) == 0).sum())
            insertion, deletion = insertion_deletion_curves(
                model, images, maps, classes, preset=self.preset, step=self.step, chunk_size=self.chunk_size
            )
            inserted.append(insertion.cpu())
            deleted.append(deletion.cpu())
        count = image_count(batches)
        return Faithfulness(
            torch.cat(inserted), torch.cat(deleted), constant_maps, forward.images / count, seconds / count
        )

    def _percent(self, values: Tensor) -> Interval:
        return self._interval(values).scaled(100)

    def _difference(self, result: Faithfulness, reference: Faithfulness) -> Interval:
        """Return the paired difference of the over-all values, in points."""
        return paired_interval(result.over_all, reference.over_all, confidence=self.confidence, seed=self.seed).scaled(
            100
        )
