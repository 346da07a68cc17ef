"""Comparison of a checkpoint with the data that it is used on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn

from camaug.training.data_facts import evaluation_preprocessing

__all__ = ["check_checkpoint_data"]

_SHOWN = 8
_TOLERANCE = 1e-4


def check_checkpoint_data(checkpoint: dict[str, Any], datamodule: Any) -> None:
    """Check that a data module has the classes of a checkpoint, and warn if it prepares images in another way.

    Args:
        checkpoint: A checkpoint of :class:`camaug.training.image_classifier.ImageClassifier`.
        datamodule: The data module, or None. What it or the checkpoint does not know is not compared.

    Raises:
        ValueError: If the classes differ, or are in another order: the logits would be of other classes.
    """
    saved, present = checkpoint.get("class_names"), getattr(datamodule, "classes", None)
    if saved and isinstance(present, list | tuple) and [str(name) for name in present] != list(saved):
        raise ValueError(
            f"the checkpoint was trained on the {len(saved)} classes {_shown(saved)}, and the data has the "
            f"{len(present)} classes {_shown(present)}{_hint(saved, present)}"
        )
    differences = _differences(checkpoint.get("preprocessing"), evaluation_preprocessing(datamodule))
    if differences:
        rank_zero_warn(
            f"the checkpoint was trained on other images than the data module makes: {'; '.join(differences)}. Set "
            "these arguments of the data module to the checkpoint's, unless you mean to change them"
        )


def _shown(names: Sequence[Any]) -> str:
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return f"[{shown}, …]" if len(names) > _SHOWN else f"[{shown}]"


def _hint(saved: Sequence[str], present: Sequence[Any]) -> str:
    if sorted(saved) == sorted(str(name) for name in present):
        return ": give the data its classes in the checkpoint's order"
    return (
        ": give it data with these classes, or fine-tune its weights on yours in a new run "
        "(--model.checkpoint FILE --model.num_classes N)"
    )


def _differences(saved: dict[str, Any] | None, present: dict[str, Any] | None) -> list[str]:
    if not saved or not present:
        return []
    return [
        f"data.{name} is {present.get(name)}, it was {saved.get(name)}"
        for name in sorted(saved.keys() | present.keys())
        if not _are_equal(saved.get(name), present.get(name))
    ]


def _are_equal(first: Any, second: Any) -> bool:
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(_are_equal, first, second))
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) < _TOLERANCE
    return bool(first == second)
