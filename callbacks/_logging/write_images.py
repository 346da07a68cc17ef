"""Pictures on their way to the loggers, and what is needed to paint them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger
from tensorboard.compat.proto import summary_pb2
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.images.writing import as_pil, jpeg_bytes
from camaug.utils.atomic_write import write_atomically
from camaug.utils.dataset_layers import dataset_layers, transform_parts

__all__ = [
    "Normalisation",
    "add_jpeg",
    "can_log_images",
    "class_names",
    "logs_images_in_epoch",
    "normalisation",
    "safe_tag",
    "write_image",
]


EPOCHS_WITH_ALL_IMAGES = 20
TENSORBOARD_KEEPS = 10


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel that the model's inputs were normalised with; None if unknown."""

    mean: Sequence[float] | None
    std: Sequence[float] | None


def write_image(loggers: Sequence[Logger], tag: str, picture: Tensor, step: int) -> None:
    """Write a picture (3, H, W) in [0, 1] to those of the loggers that take pictures.

    TensorBoard gets JPEGs, of which an event file holds many. MLflow gets artifacts and a logger that only has a folder
    (``CSVLogger``) gets files in it, under the tag, one a step. Every other is asked by Lightning's ``log_image``.
    """
    name = f"{tag}/step_{step:04d}.jpg"
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            add_jpeg(logger.experiment, tag, picture, step)
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_image(logger.run_id, as_pil(picture), name)
        elif hasattr(logger, "log_image"):
            logger.log_image(key=tag, images=[as_pil(picture)], step=step)
        elif can_log_images(logger):
            path = Path(str(logger.log_dir)) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, jpeg_bytes(picture))


def can_log_images(logger: Logger) -> bool:
    """Whether pictures can be written to a logger: a folder is enough."""
    takes_images = isinstance(logger, TensorBoardLogger | MLFlowLogger) or hasattr(logger, "log_image")
    return takes_images or getattr(logger, "log_dir", None) is not None


def logs_images_in_epoch(epoch: int, epochs: int | None) -> bool:
    """Whether TensorBoard gets an epoch's pictures, of a training of so many epochs.

    Every epoch up to 20 epochs; of more the first, the last and about ten between, since its page of images keeps ten.

    Example:
        >>> [epoch for epoch in range(100) if logs_images_in_epoch(epoch, 100)]
        [0, 9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
    """
    if epochs is None or epochs <= EPOCHS_WITH_ALL_IMAGES:
        return True
    return (epoch + 1) % ceil(epochs / TENSORBOARD_KEEPS) == 0 or epoch in (0, epochs - 1)


def add_jpeg(writer: SummaryWriter, tag: str, picture: Tensor, step: int) -> None:
    """What torch's ``add_image`` does, as a JPEG, a fifth of the PNG's size."""
    height, width = picture.shape[1:]
    content = jpeg_bytes(picture)
    image = summary_pb2.Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, image=image)])
    writer._get_file_writer().add_summary(summary, step)


def safe_tag(text: str) -> str:
    """The text with everything that has a meaning in tags, paths or terminals replaced by ``_``."""
    return re.sub(r"[^\w\-. #]+", "_", text)


def normalisation(trainer: L.Trainer, dataset: Any) -> Normalisation:
    """What the images of a data set were normalised with.

    The data module's ``mean`` and ``std`` where it has them, or those of a ``Normalize`` among the data set's
    transforms, or unknown.
    """
    datamodule = getattr(trainer, "datamodule", None)
    for holder in (datamodule, *_normalizers(dataset)):
        if getattr(holder, "mean", None) is not None and getattr(holder, "std", None) is not None:
            return Normalisation([float(v) for v in holder.mean], [float(v) for v in holder.std])
    return Normalisation(None, None)


def class_names(trainer: L.Trainer, dataset: Any) -> Sequence[str] | None:
    """The names of the classes as the data module or the data set gives them."""
    for holder in (getattr(trainer, "datamodule", None), *dataset_layers(dataset)):
        names = getattr(holder, "classes", None)
        if isinstance(names, list | tuple):
            return [str(name) for name in names]
    return None


def _normalizers(dataset: Any) -> Iterator[Any]:
    for layer in dataset_layers(dataset):
        for name in ("transform", "transforms"):
            parts = transform_parts(getattr(layer, name, None))
            yield from (part for part in parts if type(part).__name__ == "Normalize")
