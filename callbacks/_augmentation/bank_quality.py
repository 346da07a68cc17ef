"""Quality of the saliency bank's maps."""

from __future__ import annotations

import lightning as L
import torch
from torch import Tensor

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.functional.masks import map_iou, upsample
from camaug.saliency_bank.saliency_bank import SaliencyBank

from .._trainer.logging_step import logging_step

__all__ = ["BankQuality"]

MEASURED_IMAGES = 32


class BankQuality:
    """Intersection over union of the bank's masks with other masks, logged by rank zero.

    Args:
        trainer: The trainer, whose loggers get the values.
        transform: The transform, whose explainer makes exact maps.
    """

    def __init__(self, trainer: L.Trainer, transform: GroupCamTransform) -> None:
        self._trainer = trainer
        self._transform = transform

    def log_carried(self, images: Tensor, labels: Tensor, carried: Tensor) -> None:
        """Log the IoU of the carried masks with the exact masks of the same images as ``augmentation/bank_iou``.

        Args:
            images: (N, C, H, W).
            labels: Class indices (N,).
            carried: The maps carried with the images, (N, H, W).
        """
        with self._trainer.precision_plugin.forward_context():
            exact = self._transform.explain(images[:MEASURED_IMAGES], labels[:MEASURED_IMAGES]).maps
        self._log("augmentation/bank_iou", exact, carried[:MEASURED_IMAGES])

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
        self._log("augmentation/bank_staleness_iou", *(upsample(each, size)[:, 0] for each in maps))

    def _log(self, name: str, maps: Tensor, others: Tensor) -> None:
        """Log the mean IoU over the images whose map has evidence."""
        has_evidence = maps.amax(dim=(1, 2)) > 0
        if not has_evidence.any():
            return
        value = float(map_iou(maps, others)[has_evidence].mean())
        for logger in self._trainer.loggers:
            logger.log_metrics({name: value}, step=logging_step(self._trainer))
