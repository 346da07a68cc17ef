"""Insertion and deletion of one method, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from camaug.experiments.base import ImageBatch, Track
from camaug.experiments.cost import CountingForward, now
from camaug.experiments.methods import explain
from camaug.explainers import Explainer
from camaug.metrics import area_under, insertion_deletion_curves
from camaug.metrics.insertion_deletion import Preset

__all__ = ["Faithfulness", "measure_faithfulness"]


@dataclass(frozen=True)
class Faithfulness:
    """What insertion and deletion say of one method.

    Attributes:
        inserted: Each image's insertion curve, (N, steps + 1), in [0, 1].
        deleted: Each image's deletion curve, likewise.
        flat: Images whose map shows nothing; they count, as maps in random order.
        queries: Images that the model was asked about to explain one.
        seconds: Time that it took to explain one.
    """

    inserted: Tensor
    deleted: Tensor
    flat: int
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
        """Their difference, (N,), in [-1, 1]."""
        return self.insertion - self.deletion


def measure_faithfulness(
    method: Explainer,
    model: nn.Module,
    batches: Sequence[ImageBatch],
    targets: Sequence[Tensor],
    *,
    preset: Preset = "paper",
    step: float | None = None,
    chunk_size: int | None = None,
    track: Track,
    what: str,
) -> Faithfulness:
    """Explain every image and measure the maps.

    Args:
        method: The method.
        model: The classifier; it is left as it was.
        batches: The images.
        targets: The explained classes of each batch, (N,).
        preset: ``"paper"`` or ``"script"``, see :class:`camaug.metrics.InsertionDeletion`.
        step: Pixels that turn in a step, a share if below 1; None as the preset says.
        chunk_size: Images in one forward pass of the measurement.
        track: Shows how far it is.
        what: What is measured, for ``track``.

    Raises:
        RefusedError: If the method does not work on the model.
    """
    # The first call may look for the layer, and is slower than those after it.
    explain(method, model, batches[0].images[:1], targets[0][:1])
    forward = CountingForward(model)
    inserted: list[Tensor] = []
    deleted: list[Tensor] = []
    flat, seconds = 0, 0.0
    for number in track(range(len(batches)), what):
        batch, classes = batches[number], targets[number]
        start = now(batch.images.device)
        maps = explain(method, model, batch.images, classes, forward).maps
        seconds += now(batch.images.device) - start
        flat += int((maps.flatten(1).amax(dim=1) == 0).sum())
        curves = insertion_deletion_curves(
            model, batch.images, maps, classes, preset=preset, step=step, chunk_size=chunk_size
        )
        for kept, curve in zip((inserted, deleted), curves, strict=True):
            kept.append(curve.cpu())
    images = sum(len(batch.images) for batch in batches)
    return Faithfulness(torch.cat(inserted), torch.cat(deleted), flat, forward.images / images, seconds / images)
