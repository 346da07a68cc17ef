"""Images for loggers of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorboard.compat.proto import summary_pb2
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from camaug.images.writing import as_pil, jpeg_bytes
from camaug.utils.portable_names import portable_name
from camaug.utils.remote_address import write_to

from .tensorboard_writer import is_tensorboard, tensorboard_writer

__all__ = ["add_jpeg", "can_log_images", "write_image"]


def write_image(loggers: Sequence[Any], tag: str, image: Tensor, step: int) -> None:
    """Write an image (3, H, W) in [0, 1] to every logger that can log images.

    TensorBoard gets a JPEG, MLflow an artifact, a logger with a ``log_image`` method a call of it, and a logger that
    only has a directory (``CSVLogger``) a file named after the tag and the step.
    """
    file_name = "/".join([*map(portable_name, tag.split("/")), f"step_{step:04d}.jpg"])
    for logger in loggers:
        writer = tensorboard_writer(logger)
        if writer is not None:
            add_jpeg(writer, tag, image, step)
        elif hasattr(logger, "log_image"):
            logger.log_image(key=tag, images=[as_pil(image)], step=step)
        elif _is_mlflow(logger):
            logger.experiment.log_image(logger.run_id, as_pil(image), file_name)
        elif can_log_images(logger):
            write_to(str(logger.log_dir), file_name, jpeg_bytes(image))


def can_log_images(logger: Any) -> bool:
    """Return True if images can be written to a logger. A directory is enough."""
    has_images = is_tensorboard(logger) or _is_mlflow(logger) or hasattr(logger, "log_image")
    return has_images or getattr(logger, "log_dir", None) is not None


def add_jpeg(writer: SummaryWriter, tag: str, image: Tensor, step: int) -> None:
    """Add an image (3, H, W) in [0, 1] as a JPEG, a fifth of the size of the PNG that ``add_image`` writes."""
    height, width = image.shape[1:]
    encoded = summary_pb2.Summary.Image(
        height=height, width=width, colorspace=3, encoded_image_string=jpeg_bytes(image)
    )
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, image=encoded)])
    writer._get_file_writer().add_summary(summary, step)  # type: ignore[no-untyped-call]


def _is_mlflow(logger: Any) -> bool:
    return any(parent.__name__ == "MLFlowLogger" for parent in type(logger).__mro__)
