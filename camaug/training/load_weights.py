"""Weights from a file, without ever executing what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from camaug.training.check_archive import check_archive
from camaug.training.head_modules import head_modules
from camaug.utils.remote_address import check_local

__all__ = ["AUXILIARY_HEADS", "load_weights"]

AUXILIARY_HEADS = ("aux1", "aux2", "AuxLogits")


def load_weights(model: nn.Module, path: str | Path) -> list[str]:
    """Load a file of weights into a classifier, without executing anything in the file.

    A classification head with another number of classes is left out, so that the model keeps its fresh head. Auxiliary
    heads that the model no longer has are left out too. Everything else must fit.

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
    check_local(path, "weights", "copy the file to this machine")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")
    own = model.state_dict()
    weights = _without_auxiliary_heads(_without_prefix(_read(path), own), model)
    head = tuple(f"{prefix}." for prefix in head_modules(model))
    fresh = [
        name
        for name, tensor in own.items()
        if name.startswith(head) and (name not in weights or weights[name].shape != tensor.shape)
    ]
    weights = {name: tensor for name, tensor in weights.items() if name not in fresh}
    problems = _problems(weights, {name: tensor for name, tensor in own.items() if name not in fresh})
    if problems:
        raise ValueError(f"the checkpoint {str(path)!r} does not fit {type(model).__name__}: {'; '.join(problems)}")
    model.load_state_dict(weights, strict=False)
    return fresh


def _problems(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """Return the kinds of keys that do not fit, each with its first names."""
    keys = {
        # Files older than PyTorch 0.4.1 have no counters of batch-norm, and PyTorch itself does without them.
        "missing in the file": [
            name for name in expected if name not in weights and not name.endswith(".num_batches_tracked")
        ],
        "unknown to the model": [name for name in weights if name not in expected],
        "of another shape": [
            f"{name} {tuple(tensor.shape)} for {tuple(expected[name].shape)}"
            for name, tensor in weights.items()
            if name in expected and tensor.shape != expected[name].shape
        ],
    }
    return [f"{len(names)} keys {kind}: {_first(names)}" for kind, names in keys.items() if names]


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except SafetensorError as error:
            raise ValueError(f"the checkpoint {str(path)!r} is no whole safetensors file: {error}") from error
    check_archive(path)
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


def _without_auxiliary_heads(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    removed = tuple(f"{head}." for head in AUXILIARY_HEADS if getattr(model, head, model) is None)
    return {name: tensor for name, tensor in weights.items() if not name.startswith(removed)}


def _without_prefix(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for prefix in ("module.", "model."):
        if weights and all(name.startswith(prefix) for name in weights) and not any(n.startswith(prefix) for n in own):
            weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    return weights


def _first(names: list[str], limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
