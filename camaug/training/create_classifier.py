"""Classifiers by name, with pretrained weights, weights of a checkpoint, or random ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import timm
import torchvision
from torch import nn

from camaug.training.head_modules import head_modules
from camaug.training.load_weights import AUXILIARY_HEADS, load_weights
from camaug.utils.did_you_mean import did_you_mean

__all__ = ["IMAGENET_CLASSES", "create_classifier"]

IMAGENET_CLASSES = 1000


def create_classifier(
    name: str,
    num_classes: int,
    *,
    pretrained: bool = False,
    checkpoint: str | Path | None = None,
    model_args: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Create a timm or torchvision classifier.

    Args:
        name: A model's name. A name in both libraries is timm's; ``torchvision/NAME`` and ``timm/NAME`` choose.
        num_classes: Number of classes. A pretrained head with another number is replaced by a fresh one.
        pretrained: Whether to download the library's pretrained weights.
        checkpoint: A file of weights to load instead (see :func:`camaug.training.load_weights.load_weights`).
        model_args: More arguments of the model's constructor.

    Returns:
        The classifier, from images (N, 3, H, W) to logits (N, num_classes).

    Raises:
        ValueError: If the name is unknown, or both ``pretrained`` and ``checkpoint`` are given.
        RuntimeError: If the pretrained weights cannot be downloaded.
    """
    if pretrained and checkpoint is not None:
        raise ValueError("`pretrained: true` and `checkpoint` both set the weights: give one of them")
    library, name = _find_library(name)
    try:
        if library == "timm":
            model = timm.create_model(name, pretrained=pretrained, num_classes=num_classes, **(model_args or {}))
        else:
            model = _create_torchvision(name, num_classes, pretrained, model_args or {})
    except Exception as error:
        if not pretrained or not _is_download_failure(error):
            raise
        raise RuntimeError(
            f"the pretrained weights of {name!r} could not be downloaded ({type(error).__name__}: {error}). Without a "
            "network, download them where there is one and pass `checkpoint: FILE` (.safetensors or .pth), or train "
            "from scratch with `pretrained: false`. `camaug explain` takes the file as --weights"
        ) from error
    if checkpoint is not None:
        load_weights(model, checkpoint)
    return model


def _find_library(name: str) -> tuple[Literal["timm", "torchvision"], str]:
    library, _, rest = name.partition("/")
    if library == "torchvision" or (library != "timm" and not _in_timm(name) and name in _torchvision_names()):
        name = rest or name
        if name in _torchvision_names():
            return "torchvision", name
        candidates = _torchvision_names()
    else:
        name = rest if library == "timm" else name
        if _in_timm(name):
            return "timm", name
        candidates = sorted({*timm.list_models(), *_torchvision_names()})
    raise ValueError(
        f"unknown model {name!r}, {did_you_mean(name, candidates)}expected a name of timm.list_models() or "
        "torchvision.models.list_models(module=torchvision.models)"
    )


def _in_timm(name: str) -> bool:
    return name.startswith("hf-hub:") or bool(timm.is_model(name))


def _torchvision_names() -> list[str]:
    return list(torchvision.models.list_models(module=torchvision.models))


def _create_torchvision(name: str, num_classes: int, pretrained: bool, model_args: Mapping[str, Any]) -> nn.Module:
    if not pretrained:
        model: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **model_args)
    else:
        model = torchvision.models.get_model(name, weights="DEFAULT", **model_args)
        if num_classes != IMAGENET_CLASSES:
            _replace_head(model, num_classes)
    # Auxiliary heads (GoogLeNet, Inception) add outputs to the logits in training.
    if getattr(model, "aux_logits", False):
        setattr(model, "aux_logits", False)  # noqa: B010 - a plain attribute, which nn.Module types as a module
        for auxiliary in AUXILIARY_HEADS:
            if hasattr(model, auxiliary):
                setattr(model, auxiliary, None)
    return model


def _replace_head(model: nn.Module, num_classes: int) -> None:
    (name,) = head_modules(model)
    old = model.get_submodule(name)
    if isinstance(old, nn.Linear):
        fresh: nn.Module = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    elif isinstance(old, nn.Conv2d):
        kernel_size = (old.kernel_size[0], old.kernel_size[1])
        fresh = nn.Conv2d(old.in_channels, num_classes, kernel_size, bias=old.bias is not None)
    else:
        raise ValueError(f"the head {name!r} is a {type(old).__name__}, expected a linear or convolutional layer")
    model.set_submodule(name, fresh)


def _is_download_failure(error: BaseException) -> bool:
    """Return True if a network error is anywhere in the chain of causes."""
    cause = error.__cause__ or error.__context__
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, OSError) or library in ("huggingface_hub", "httpx", "requests", "urllib3"):
        return True
    return cause is not None and _is_download_failure(cause)
