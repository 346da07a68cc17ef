"""Settings that the saliency bank's maps depend on, in addition to the model's state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import lightning as L
from torch import Tensor
from torch.utils.data import Dataset, Subset

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.explainers.provenance import describe_explainer
from camaug.utils.dataset_layers import dataset_layers, transformed_dataset
from camaug.version import __version__

from .._logging.dataset_targets import dataset_targets

__all__ = ["bank_settings"]

FILE_LISTS = ("samples", "_samples", "imgs")


def bank_settings(
    trainer: L.Trainer,
    module: L.LightningModule,
    transform: GroupCamTransform,
    views: Dataset[Any],
    size: tuple[int, int],
) -> dict[str, Any]:
    """Return everything that the maps depend on, except the model's state, in JSON's types.

    Args:
        trainer: The trainer.
        module: The module.
        transform: The transform, whose explainer makes the maps.
        views: The data set of views without random transforms.
        size: Height and width of the views.
    """
    return {
        "camaug": __version__,
        "explainer": describe_explainer(transform.explainer, module),
        "precision": str(trainer.precision),
        "image_size": list(size),
        "view": [repr(transformed_dataset(views).transform), type(transformed_dataset(views)).__name__],
        "images": len(views),  # type: ignore[arg-type]
        "labels": _digest(dataset_targets(views) or ()),
        "files": _digest(_files(views)),
        "indices": _digest(_indices(views)),
    }


def images_digest(images: Tensor) -> str:
    """Return a digest of images, for data sets that list no files."""
    return hashlib.blake2b(images.float().cpu().numpy().tobytes(), digest_size=16).hexdigest()


def _files(dataset: Any) -> Iterator[Any]:
    inner = transformed_dataset(dataset)
    for name in FILE_LISTS:
        if hasattr(inner, name):
            yield from getattr(inner, name)
            return


def _indices(dataset: Any) -> Iterator[Any]:
    for layer in dataset_layers(dataset):
        if isinstance(layer, Subset):
            yield from layer.indices
            yield "of"


def _digest(values: Iterable[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        digest.update(f"{value}\n".encode())
    return digest.hexdigest()
