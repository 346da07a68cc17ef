"""Evaluation of the probe images' heatmaps by metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from camaug.explainers import Explainer, Explanation
from camaug.explainers.float16_fallback import Float16Fallback
from camaug.inspection.model_output import LogitsForward
from camaug.utils.copied_to import copied_to

from .._trainer.trainer_progress import trainer_progress
from .evaluated_metrics import EVALUATED_METRICS
from .explained_batch import ExplainedBatch, ExplainedObjects
from .probes import Probes
from .update_on_mosaics import update_on_mosaics

__all__ = ["ProbeEvaluation"]


class ProbeEvaluation:
    """Evaluation of the probe images' heatmaps, explained for their true classes, in each process of its share.

    An image with several labels is explained for each of them, and each map counts like that of an image.

    Args:
        trainer: The Trainer, in whose precision the model runs.
        pl_module: The model, which stays unchanged.
        explainer: The method.
        forward: Function from images to logits, None for the model itself.
        probes: The probe images.
        classes: Number of classes.
        names: Names of the metrics.

    Attributes:
        metrics: The metrics by their name, on the model's device.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        explainer: Explainer,
        forward: Callable[[Tensor], Tensor] | None,
        probes: Probes,
        classes: int,
        names: Sequence[str],
    ) -> None:
        self._trainer, self._module = trainer, pl_module
        self._explainer, self._forward = explainer, forward
        self._probes = probes
        self._fallback = Float16Fallback(lambda sentence: rank_zero_warn(f"CamEvaluator: {sentence}"), waits=True)
        self._previous_maps: dict[int, Tensor] = {}  # of each batch
        created = {name: EVALUATED_METRICS[name].create(explainer, classes) for name in names}
        self.metrics = {name: metric.to(pl_module.device) for name, metric in created.items()}

    def update(self, metrics: Mapping[str, Metric]) -> None:
        """Update metrics by their name with this process's share of the images."""
        share = slice(self._trainer.global_rank, None, self._trainer.world_size)  # of each batch
        parts = trainer_progress(self._trainer, self._probes.slices, "evaluating heatmaps")
        for number, part in enumerate(parts):
            if not self._probes.labels[part][share]:
                continue
            with self._trainer.precision_plugin.forward_context():
                explained = self._explain(number, part, share)
                with self._fallback.precision(self._module.device):
                    for name, metric in metrics.items():
                        EVALUATED_METRICS[name].update(metric, explained)
            self._previous_maps[number] = explained.maps
        for name, metric in metrics.items():
            if EVALUATED_METRICS[name].needs_mosaics:
                update_on_mosaics(metric, self._trainer, self._module, self._probes, self._explainer, self._forward)

    def _explain(self, number: int, part: slice, share: slice) -> ExplainedBatch:
        probes, module = self._probes, self._module
        batch, device = probes.batches[number][share], module.device
        images = copied_to(batch, device)
        masks = None if probes.masks is None else torch.stack(list(probes.masks[part][share]))
        labels = _padded(probes.positives[part][share], len(batch))
        explanation = self._fallback.run(lambda: self._explain_labels(images, labels), images)
        maps, targets = explanation.maps, explanation.targets
        if targets.dim() == 2:  # each label of an image counts like an image of its own
            is_label = labels >= 0
            is_label[:, 0] = True  # of the predicted class where an image has no label
            rows, columns = is_label.nonzero(as_tuple=True)
            masks = None if masks is None else masks[rows]
            index, column = copied_to(rows, device), copied_to(columns, device)
            images, maps, targets = images[index], maps[index, column], targets[index, column]
        return ExplainedBatch(
            module=module,
            forward=LogitsForward(self._forward or module),
            images=images,
            maps=maps,
            targets=targets,
            objects=None if masks is None else _of_objects(masks, maps, targets),
            previous_maps=self._previous_maps.get(number),
        )

    def _explain_labels(self, images: Tensor, targets: Tensor) -> Explanation:
        """Explain images for their labels (N, k), and those without one for the predicted class."""
        explainer, module, forward = self._explainer, self._module, self._forward
        # The labels stay on the CPU, where checking them does not wait for the device.
        is_unlabelled = targets[:, 0] < 0
        if is_unlabelled.any():
            explanation = explainer(module, images, None, forward=forward)
            if is_unlabelled.all():
                return explanation
            targets = targets.clone()
            targets[:, 0] = torch.where(is_unlabelled, explanation.targets.cpu(), targets[:, 0])
        return explainer(module, images, targets if targets.shape[1] > 1 else targets[:, 0], forward=forward)


def _padded(positives: Sequence[tuple[int, ...]], count: int) -> Tensor:
    """Return the classes of each image, (N, k), padded with -1."""
    rows = positives or [()] * count
    width = max(1, *(len(row) for row in rows)) if rows else 1
    return torch.tensor([[*row, *[-1] * (width - len(row))] for row in rows], device="cpu")


def _of_objects(masks: Tensor, maps: Tensor, targets: Tensor) -> ExplainedObjects:
    """Choose the images that have an object by their masks in the main memory."""
    has_object = masks.flatten(1).any(dim=1)
    index = copied_to(has_object.nonzero()[:, 0], maps.device)
    return ExplainedObjects(maps[index], copied_to(masks[has_object], maps.device), targets[index])
