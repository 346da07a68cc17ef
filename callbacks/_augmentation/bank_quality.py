"""Quality of the saliency bank's maps."""

from __future__ import annotations

import lightning as L
import torch
from torch import Tensor

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.functional.masks import map_iou, upsample
from camaug.saliency_bank.saliency_bank import SaliencyBank

from .._logging.call_loggers import call_loggers
from .._logging.warn_once import WarnOnce
from .._trainer.logging_step import logging_step

__all__ = ["BankQuality"]

MEASURED_IMAGES = 32
RELIABLE_IOU = 0.5


class BankQuality:
    """Intersection over union of the bank's masks with other masks, logged by rank zero.

    Args:
        trainer: The trainer, whose loggers get the values.
        transform: The transform, whose explainer makes exact maps.
    """

    def __init__(self, trainer: L.Trainer, transform: GroupCamTransform) -> None:
        self._trainer = trainer
        self._transform = transform
        self._warn_once = WarnOnce("GroupCamAugmentation")

    def log_carried(self, images: Tensor, labels: Tensor, carried: Tensor) -> None:
        """Log the IoU of the carried masks with the exact masks of the same images as ``augmentation/bank_iou``.

        Args:
            images: (N, C, H, W).
            labels: Class indices (N,).
            carried: The maps carried with the images, (N, H, W).
        """
        with self._trainer.precision_plugin.forward_context():
            exact = self._transform.explain(images[:MEASURED_IMAGES], labels[:MEASURED_IMAGES]).maps
        overlap = self._log("augmentation/bank_iou", exact, carried[:MEASURED_IMAGES])
        self._warn_of_low(overlap, "the maps carried from the saliency bank mark other regions than exact maps do")

    def log_staleness(self, bank: SaliencyBank, old: int, new: int, size: tuple[int, int]) -> None:
        """Log the IoU of two generations' masks as ``augmentation/bank_staleness_iou``.

        Args:
            bank: The bank.
            old: Number of the older generation.
            new: Number of the newer generation.
            size: Height and width of the images.
        """
        record = bank.record(new)
        if record is None or old == new:
            return
        measured = min(record.count, MEASURED_IMAGES)
        indices = [n * record.count // measured for n in range(measured)]
        maps = [torch.from_numpy(bank.read(number, indices)).float()[:, None] for number in (new, old)]
        overlap = self._log("augmentation/bank_staleness_iou", *(upsample(each, size)[:, 0] for each in maps))
        self._warn_of_low(overlap, "the maps change much between two refreshes of the saliency bank")

    def _log(self, name: str, maps: Tensor, others: Tensor) -> float | None:
        """Log and return the mean IoU over the images whose map has evidence, None if there are none."""
        has_evidence = maps.amax(dim=(1, 2)) > 0
        if not has_evidence.any():
            return None
        value = float(map_iou(maps, others)[has_evidence].mean())
        step = logging_step(self._trainer)
        call_loggers(self._trainer, lambda logger: logger.log_metrics({name: value}, step=step))
        return value

    def _warn_of_low(self, overlap: float | None, finding: str) -> None:
        if overlap is not None and overlap < RELIABLE_IOU:
            self._warn_once(
                finding,
                f"GroupCamAugmentation: {finding} (IoU {overlap:.2f}, below {RELIABLE_IOU}): refresh more often, begin "
                'later (start_epoch), or use explainer="grad-cam" without refresh_every_n_epochs, which explains each '
                "image for about one forward pass",
            )
