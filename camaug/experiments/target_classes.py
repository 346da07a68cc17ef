"""The classes that an experiment explains."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from camaug.experiments.image_batch import ImageBatch
from camaug.inspection.model_output import read_logits
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap

__all__ = ["TargetKind", "class_probabilities", "target_classes"]

TargetKind = Literal["predicted", "label"]


def target_classes(model: nn.Module, batch: ImageBatch, target: TargetKind) -> Tensor:
    """Return the predicted or the true class of each image, (N,).

    Raises:
        ValueError: If the true classes are wanted, but are unknown or not among the model's classes.
    """
    if target not in ("predicted", "label"):
        raise ValueError(f"`target` must be 'predicted' or 'label', got {target!r}")
    with neutral(unwrap(model)):
        logits = read_logits(model(batch.images), len(batch.images))
    if target == "predicted":
        return logits.argmax(dim=1)
    if batch.labels is None:
        raise ValueError(
            "target='label' explains the images' labels, and no labels of the model's classes are known: "
            "set target='predicted'"
        )
    wrong = sorted({label for label in batch.labels.tolist() if not 0 <= label < logits.shape[1]})
    if wrong:
        raise ValueError(
            f"the labels {', '.join(map(str, wrong))} are not among the model's {logits.shape[1]} classes: "
            "set target='predicted', or give the model that was trained on these classes"
        )
    return batch.labels.to(logits.device)


def class_probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """Return the softmax of the model's logits, (N, classes), float32. The model is left unchanged."""
    with neutral(unwrap(model)):
        return read_logits(model(images), len(images)).float().softmax(dim=1)
