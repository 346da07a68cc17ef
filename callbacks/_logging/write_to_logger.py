"""Images and scalars for loggers of any kind."""

from __future__ import annotations

import io
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto import summary_pb2
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.images.writing import as_pil, jpeg_bytes
from camaug.utils.portable_names import portable_name
from camaug.utils.remote_address import write_to

from .tensorboard_writer import is_tensorboard, tensorboard_writer

__all__ = ["add_jpeg", "can_log_images", "write_to_logger"]

LARGEST_KEY_PART = 40  # bytes, so that the file names that MLflow makes of a key are short enough


def write_to_logger(logger: Any, images: Mapping[str, Tensor], metrics: Mapping[str, float], step: int) -> None:
    """Write the images and the scalars of one moment to a logger.

    TensorBoard gets images as JPEG, Weights & Biases all of them and the scalars in one row of its history, MLflow and
    Comet images with their step, a logger with a ``log_image`` method a call for each image, and a logger that only has
    a directory (``CSVLogger``) files named after tag and step. A logger that takes no images gets the scalars.

    Args:
        logger: A logger of Lightning.
        images: Images (3, H, W) in [0, 1] by tag.
        metrics: Scalars by tag.
        step: Step at which Lightning logs at this moment.
    """
    if _is(logger, "WandbLogger"):
        row = _wandb_images(images, step) | dict(metrics)
        if row:
            logger.log_metrics(row, step=step)
        return
    if metrics:  # first, because a client may take scalars where it takes no images
        logger.log_metrics(metrics, step=step)
    for tag, image in images.items():
        _write_image(logger, tag, image, step)


def can_log_images(logger: Any) -> bool:
    """Return True if images can be written to a logger. A directory is enough."""
    has_images = hasattr(logger, "log_image") or _is(logger, "WandbLogger", "MLFlowLogger", "CometLogger")
    return is_tensorboard(logger) or has_images or getattr(logger, "log_dir", None) is not None


def add_jpeg(writer: SummaryWriter, tag: str, image: Tensor, step: int) -> None:
    """Add an image (3, H, W) in [0, 1] as a JPEG, a fifth of the size of the PNG that ``add_image`` writes."""
    height, width = image.shape[1:]
    encoded = summary_pb2.Summary.Image(
        height=height, width=width, colorspace=3, encoded_image_string=jpeg_bytes(image)
    )
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, image=encoded)])
    writer._get_file_writer().add_summary(summary, step)  # type: ignore[no-untyped-call]


def _write_image(logger: Any, tag: str, image: Tensor, step: int) -> None:
    writer = tensorboard_writer(logger)
    if writer is not None:
        add_jpeg(writer, tag, image, step)
    elif hasattr(logger, "log_image"):
        logger.log_image(key=tag, images=[as_pil(image)], step=step)
    elif _is(logger, "MLFlowLogger"):
        logger.experiment.log_image(logger.run_id, as_pil(image), key=_mlflow_key(tag), step=step)
    elif _is(logger, "CometLogger"):
        logger.experiment.log_image(io.BytesIO(jpeg_bytes(image)), name=tag, step=step)
    elif can_log_images(logger):
        file_name = posixpath.join(*map(portable_name, tag.split("/")), f"step_{step:04d}.jpg")
        write_to(str(logger.log_dir), file_name, jpeg_bytes(image))


def _is(logger: Any, *class_names: str) -> bool:
    """Return True for a logger of Lightning's classes, of ``lightning`` or of ``pytorch_lightning``."""
    return any(parent.__name__ in class_names for parent in type(logger).__mro__)


def _wandb_images(images: Mapping[str, Tensor], step: int) -> dict[str, Any]:
    """Convert images for one row: its media panels are sorted by the number of the row, and show no other step."""
    if not images:
        return {}
    import wandb

    caption = f"step {step}"
    return {tag: [wandb.Image(as_pil(image), caption=caption, file_type="jpg")] for tag, image in images.items()}


def _mlflow_key(tag: str) -> str:
    """Return a tag in the characters that MLflow takes.

    Example:
        >>> _mlflow_key("cam/naïve C#/3")
        'cam/naive C_/3'
    """
    letters = "".join(each for each in unicodedata.normalize("NFKD", tag) if not unicodedata.combining(each))
    parts = re.sub(r"[^\w\-. /]", "_", letters, flags=re.ASCII).split("/")
    return "/".join(portable_name(part, LARGEST_KEY_PART) for part in parts)
