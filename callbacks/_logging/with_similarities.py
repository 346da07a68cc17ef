"""Check of a snapshot's heatmaps against other classes and a random head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import lightning as L
import torch
from torch import Tensor

from camaug.explainers import Explainer
from camaug.inspection.model_output import LogitsForward
from camaug.metrics import class_similarity, head_similarity

from .probes import Probes
from .snapshot import Snapshot

__all__ = ["with_similarities"]


def with_similarities(
    snapshot: Snapshot,
    probes: Probes,
    trainer: L.Trainer,
    pl_module: L.LightningModule,
    explainer: Explainer,
    forward: Callable[[Tensor], Tensor] | None,
) -> Snapshot:
    """Return the snapshot with the similarity of its maps to those of the runner-up class and of a random head.

    Each image is explained twice more.

    Args:
        snapshot: Snapshot of the probe images.
        probes: The probe images.
        trainer: The Trainer, in whose precision the model runs.
        pl_module: The model, which stays unchanged.
        explainer: The method of the snapshot.
        forward: Function from images to logits, None for the model itself.
    """
    as_logits = LogitsForward(forward or pl_module)
    of_class, of_head = [], []
    for batch, part in zip(probes.batches, probes.slices, strict=True):
        images = batch.to(pl_module.device)
        maps, targets = snapshot.maps[part].to(images.device), snapshot.predicted[part].to(images.device)
        with trainer.precision_plugin.forward_context():
            arguments = explainer, pl_module, images, maps, targets
            of_class.append(class_similarity(*arguments, forward=as_logits).cpu())
            of_head.append(head_similarity(*arguments, forward=as_logits).cpu())
    return replace(snapshot, class_similarity=torch.cat(of_class), head_similarity=torch.cat(of_head))
