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
from camaug.utils.copied_to import copied_to
from camaug.utils.fetched import fetched

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
    similarities = []
    for batch, part in zip(probes.batches, probes.slices, strict=True):
        predicted = snapshot.predicted[part]
        tensors = batch, snapshot.maps[part], predicted
        images, maps, targets = (copied_to(tensor, pl_module.device) for tensor in tensors)
        with trainer.precision_plugin.forward_context():
            of_class = class_similarity(explainer, pl_module, images, maps, targets, forward=as_logits)
            # Checking targets in the main memory does not wait for the device.
            of_head = head_similarity(explainer, pl_module, images, maps, predicted, forward=as_logits)
        similarities.append(fetched(of_class, of_head))
    class_similarities, head_similarities = (torch.cat(parts) for parts in zip(*similarities, strict=True))
    return replace(snapshot, class_similarity=class_similarities, head_similarity=head_similarities)
