"""Checks of a checkpoint before a command loads it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from camaug.training.image_classifier import ImageClassifier
from camaug.version import __version__

__all__ = ["check_checkpoint", "check_epochs"]

_VERSION = "pytorch-lightning_version"


def check_checkpoint(checkpoint: Mapping[str, Any], path: str) -> None:
    """Raise an error unless a checkpoint was written by ``camaug fit``, in a version that this one reads.

    Args:
        checkpoint: The content of the file.
        path: The file, for the message.

    Raises:
        ValueError: If it is of another LightningModule, of no training run, or has settings that are unknown here.
    """
    saved = {name for name in checkpoint.get("hyper_parameters", {}) if not name.startswith("_")}
    known = set(inspect.signature(ImageClassifier.__init__).parameters)
    if _VERSION not in checkpoint:
        raise ValueError(
            f"the checkpoint {path!r} is not of a training run: it has no {_VERSION!r}. Give one that `fit` has "
            "written, or begin with its weights (--model.checkpoint FILE)"
        )
    is_ours = "name" in saved and all(name.startswith("model.") for name in checkpoint["state_dict"])
    if not is_ours:
        raise ValueError(
            f"the checkpoint {path!r} is of another LightningModule, not of camaug's ImageClassifier (its settings: "
            f"{', '.join(sorted(saved)) or 'none'}). Load it with that class, and use camaug's callbacks in your own "
            "Trainer, or camaug.explain in Python"
        )
    unknown = sorted(saved - known)
    if unknown:
        raise ValueError(
            f"the checkpoint {path!r} has the model settings {', '.join(unknown)}, which camaug {__version__} does not "
            "know: it was written by another version, so use that one"
        )


def check_epochs(checkpoint: Mapping[str, Any], max_epochs: int | None) -> None:
    """Raise an error if a resumed run has passed the last epoch that it is to train.

    Args:
        checkpoint: The content of the file.
        max_epochs: The Trainer's setting; None and negative values are no limit.

    Raises:
        ValueError: If the checkpoint is of a later epoch.
    """
    epochs = int(checkpoint.get("epoch", -1)) + 1
    if max_epochs is not None and 0 <= max_epochs < epochs:
        raise ValueError(
            f"the checkpoint is of epoch {epochs}, and trainer.max_epochs is {max_epochs}: set --trainer.max_epochs to "
            f"more than {epochs} to go on training"
        )
