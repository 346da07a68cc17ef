"""Image of the first augmented batch."""

from __future__ import annotations

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.images.denormalise import denormalise
from camaug.images.normalisation import Normalisation
from camaug.images.render import caption, colorize, enlarge, grid, row

from .._logging.call_loggers import call_loggers
from .._logging.failure import Failure
from .._logging.find_normalisation import find_normalisation
from .._logging.write_to_logger import write_to_logger
from .._trainer.logging_step import logging_step

__all__ = ["log_first_batch"]

ROWS = 8
MIN_SIDE = 128


def log_first_batch(trainer: L.Trainer, images: Tensor, augmented: AugmentedBatch) -> None:
    """Log the first changed images as ``augmentation/first_batch``, a row each: original, map, mask and result.

    A failure is a warning.

    Args:
        trainer: The trainer. Only its rank zero logs.
        images: The images before augmentation, (N, C, H, W).
        augmented: The augmented batch.
    """
    if not trainer.is_global_zero:
        return
    try:
        dataset = getattr(trainer.train_dataloader, "dataset", None)
        normalisation = find_normalisation(trainer, dataset, images.shape[1])
        image = _draw(images, augmented, normalisation)
    except Exception as error:
        cause, origin = Failure.of(error)
        rank_zero_warn(f"GroupCamAugmentation could not log its first batch; training goes on. {cause}\n{origin}")
        return
    shown, step = {"augmentation/first_batch": image}, logging_step(trainer)
    call_loggers(trainer, lambda logger: write_to_logger(logger, shown, {}, step))


def _draw(images: Tensor, augmented: AugmentedBatch, normalisation: Normalisation) -> Tensor:
    index = augmented.index[:ROWS]
    columns = {
        "original": denormalise(images[index], *normalisation),
        "saliency map": colorize(augmented.maps[:ROWS].float().cpu()),
        "mask": colorize(augmented.masks[:ROWS].float().cpu(), "gray"),
        "training image": denormalise(augmented.changed[:ROWS], *normalisation),
    }
    enlarged = {name: enlarge(column, MIN_SIDE) for name, column in columns.items()}
    rows = [row([caption(column[n], [name]) for name, column in enlarged.items()]) for n in range(len(index))]
    return grid(rows, columns=2 if len(rows) > 3 else 1)
