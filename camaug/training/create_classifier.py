"""Classifiers by name, with pretrained weights, a checkpoint's, or none."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import timm
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

__all__ = ["create_classifier", "head_modules", "load_weights"]

IMAGENET_CLASSES = 1000
AUXILIARY_HEADS = ("aux1", "aux2", "AuxLogits")


def create_classifier(
    name: str,
    num_classes: int,
    *,
    pretrained: bool = False,
    checkpoint: str | Path | None = None,
    model_args: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Make a timm or torchvision classifier.

    Args:
        name: A model's name. One that both libraries know is timm's; ``torchvision/NAME`` and ``timm/NAME`` choose.
        num_classes: Number of classes. A pretrained head of another number is replaced by a fresh one.
        pretrained: Whether to download the library's pretrained weights.
        checkpoint: A file of weights to load instead (see :func:`load_weights`).
        model_args: More arguments of the model's constructor.

    Returns:
        The classifier, (N, 3, H, W) to logits (N, num_classes).

    Raises:
        ValueError: If the name is unknown, or both ``pretrained`` and ``checkpoint`` are given.
        RuntimeError: If the pretrained weights cannot be downloaded.
    """
    if pretrained and checkpoint is not None:
        raise ValueError("`pretrained: true` and `checkpoint` both say where weights come from: give one of them")
    library, name = _locate(name)
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
            "from scratch with `pretrained: false`"
        ) from error
    if checkpoint is not None:
        load_weights(model, checkpoint)
    return model


def load_weights(model: nn.Module, path: str | Path) -> list[str]:
    """Load a file of weights into a classifier; nothing in it is ever executed.

    A classification head of another number of classes is left out: the model keeps its fresh one; so are auxiliary
    heads that the model has been cut of. Everything else must fit.

    Args:
        model: The classifier.
        path: A ``.safetensors`` file, or a PyTorch file that loads weights-only: a state dict, or a dict that holds
            one under ``state_dict`` or ``model``. A prefix that all keys share (``module.``, ``model.``) is dropped.

    Returns:
        The names of the head's parameters that were left fresh.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read as weights, or its keys or shapes do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")
    own = model.state_dict()
    weights = _without_prefix(_read(path), own)
    cut = tuple(f"{auxiliary}." for auxiliary in AUXILIARY_HEADS if getattr(model, auxiliary, model) is None)
    weights = {name: tensor for name, tensor in weights.items() if not name.startswith(cut)}
    head = tuple(f"{prefix}." for prefix in head_modules(model))
    fresh = [
        name
        for name, tensor in own.items()
        if name.startswith(head) and (name not in weights or weights[name].shape != tensor.shape)
    ]
    weights = {name: tensor for name, tensor in weights.items() if name not in fresh}
    problems = {
        # Files older than PyTorch 0.4.1 have no counters of batch-norm, and PyTorch itself does without them.
        "missing in the file": [
            name
            for name in own
            if name not in weights and name not in fresh and not name.endswith(".num_batches_tracked")
        ],
        "unknown to the model": [name for name in weights if name not in own],
        "of another shape": [
            f"{name} {tuple(tensor.shape)} for {tuple(own[name].shape)}"
            for name, tensor in weights.items()
            if name in own and tensor.shape != own[name].shape
        ],
    }
    if any(problems.values()):
        said = "; ".join(f"{len(names)} keys {what}: {_some(names)}" for what, names in problems.items() if names)
        raise ValueError(f"the checkpoint {str(path)!r} does not fit {type(model).__name__}: {said}")
    model.load_state_dict(weights, strict=False)
    return fresh


def head_modules(model: nn.Module) -> list[str]:
    """The names of the layers that give one value a class: the last linear or convolutional layer, or timm's own."""
    names = {module: name for name, module in model.named_modules()}
    get_classifier = getattr(model, "get_classifier", None)
    if callable(get_classifier):
        heads = get_classifier()
        heads = [head for head in (heads if isinstance(heads, tuple | list) else [heads]) if head in names]
        if heads:
            return [names[head] for head in heads]
    layers = [module for module in names if isinstance(module, nn.Linear | nn.Conv2d)]
    return [names[layers[-1]]]


def _locate(name: str) -> tuple[Literal["timm", "torchvision"], str]:
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
    nearest = difflib.get_close_matches(name, candidates, n=5, cutoff=0.4)
    raise ValueError(
        f"unknown model {name!r}; the nearest names are {', '.join(nearest) or 'none'}. timm.list_models() and "
        "torchvision.models.list_models(module=torchvision.models) list them all"
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
    # Auxiliary heads (GoogLeNet, Inception) give more than logits in training.
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
    """Whether a network error stands anywhere in the chain of causes."""
    cause = error.__cause__ or error.__context__
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, OSError) or library in ("huggingface_hub", "httpx", "requests", "urllib3"):
        return True
    return cause is not None and _is_download_failure(cause)


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except SafetensorError as error:
            raise ValueError(f"the checkpoint {str(path)!r} is no whole safetensors file: {error}") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"the checkpoint {str(path)!r} cannot be loaded weights-only ({type(error).__name__}): it is damaged or "
            "holds more than tensors, and nothing is ever unpickled. Save the model's `state_dict()` alone, or convert "
            "it to .safetensors"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise ValueError(f"the checkpoint {str(path)!r} holds no state dict: expected a dict of names to tensors")
    return content


def _without_prefix(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for prefix in ("module.", "model."):
        if weights and all(name.startswith(prefix) for name in weights) and not any(n.startswith(prefix) for n in own):
            weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    return weights


def _some(names: list[str], limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
