"""Grid pointing game on mosaics of the probe images."""

from __future__ import annotations

from collections.abc import Callable

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from camaug.explainers import Explainer
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.metrics import choose_mosaics, mosaic_maps
from camaug.utils.copied_to import copied_to

from .probes import Probes

__all__ = ["update_on_mosaics"]

BATCH_SIZE = 32


def update_on_mosaics(
    metric: Metric,
    trainer: L.Trainer,
    pl_module: L.LightningModule,
    probes: Probes,
    explainer: Explainer,
    forward: Callable[[Tensor], Tensor] | None,
) -> None:
    """Add mosaics of the labelled probe images to a metric, in each process its share of the same mosaics.

    Args:
        metric: A :class:`camaug.metrics.GridPointingGame`.
        trainer: The Trainer, in whose precision the model runs.
        pl_module: The model, which stays unchanged.
        probes: The probe images.
        explainer: The method that explains the mosaics.
        forward: Function from images to logits, None for the model itself.
    """
    images, labels = _labelled_images(probes)  # the labels stay in the main memory, where they are chosen and checked
    images = copied_to(images, pl_module.device)
    as_logits = LogitsForward(forward or pl_module)
    with trainer.precision_plugin.forward_context():
        with neutral(pl_module):
            logits = torch.cat([as_logits(part) for part in torch.split(images, BATCH_SIZE)])
        confidences = logits.float().softmax(dim=1).gather(1, copied_to(labels, images.device)[:, None])[:, 0]
        try:
            mosaics = choose_mosaics(confidences.cpu(), labels)
        except ValueError as error:
            rank_zero_warn(f"CamEvaluator in epoch {trainer.current_epoch}: {error}")
            return
        for mosaic in mosaics[trainer.global_rank :: trainer.world_size]:
            maps, cells = mosaic_maps(explainer, pl_module, images, labels, [mosaic], keep_size=True, forward=forward)
            metric.update(maps, cells)


def _labelled_images(probes: Probes) -> tuple[Tensor, Tensor]:
    """Return the images that have a label, and their labels, in the main memory."""
    labelled = [position for position, label in enumerate(probes.labels) if label is not None]
    labels = torch.tensor([probes.labels[position] for position in labelled], dtype=torch.int64, device="cpu")
    return torch.cat(list(probes.batches))[torch.tensor(labelled, dtype=torch.int64, device="cpu")], labels
