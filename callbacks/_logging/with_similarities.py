"""Check of a snapshot's heatmaps against other classes and a random head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import lightning as L
import torch
from torch import Tensor

from camaug.explainers import Explainer
from camaug.metrics import class_similarity, head_similarity

from .._trainer.stages import images_on_device
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
        trainer: The Trainer, which moves the images to its device.
        pl_module: The model, which stays unchanged.
        explainer: The method of the snapshot.
        forward: Function from images to logits, None for the model itself.
    """
    of_class, of_head = [], []
    for batch, part in zip(probes.batches, probes.slices, strict=True):
        images = images_on_device(trainer, batch)
        maps, targets = snapshot.maps[part].to(images.device), snapshot.predicted[part].to(images.device)
        with trainer.precision_plugin.forward_context():
            arguments = explainer, pl_module, images, maps, targets
            of_class.append(class_similarity(*arguments, forward=forward).cpu())
            of_head.append(head_similarity(*arguments, forward=forward).cpu())
    return replace(snapshot, class_similarity=torch.cat(of_class), head_similarity=torch.cat(of_head))
