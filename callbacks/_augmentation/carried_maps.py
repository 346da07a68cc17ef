"""Maps that the training loader carried with its current batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from camaug.saliency_bank.carrying_loader import CarryingLoader
from camaug.utils.copied_to import copied_to

__all__ = ["carried_maps"]


def carried_maps(loader: Any, images: Tensor, labels: Tensor, *, checks_labels: bool) -> Tensor:
    """Return the maps carried with the current batch, (N, H, W) in [0, 1], on the images' device.

    Args:
        loader: The training loader.
        images: The batch's images, (N, C, H, W).
        labels: Their labels.
        checks_labels: True to look for mixed labels, for which the host waits if they are rows.

    Raises:
        ValueError: If the maps cannot belong to these images.
    """
    maps: Tensor | None = loader.maps if isinstance(loader, CarryingLoader) else None
    expected = (len(images), *images.shape[2:])
    if maps is None or tuple(maps.shape) != expected:
        given = "no maps" if maps is None else f"maps {tuple(maps.shape)}"
        raise ValueError(
            f"the training DataLoader carried {given} where the images need {expected}: the number and size of "
            "images must not change after the data set's transform while the saliency bank is on "
            "(refresh_every_n_epochs)"
        )
    if checks_labels and _are_mixed(labels):
        raise ValueError(
            f"the batch has labels {tuple(labels.shape)}, probabilities: the saliency bank has a map for each "
            "single image, and such a batch may mix several (MixUp, CutMix). Mix in the training_step, or leave "
            "the bank off (refresh_every_n_epochs)"
        )
    return copied_to(maps, images.device).float().div(255)


def _are_mixed(labels: Tensor) -> bool:
    """Return True if labels are rows with probabilities between 0 and 1, as MixUp and CutMix make them."""
    is_rows = labels.dim() == 2 and labels.shape[1] > 1 and labels.is_floating_point()
    return is_rows and bool(((labels > 0) & (labels < 1)).any())
