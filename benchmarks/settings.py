"""The settings of Group-CAM that are compared: plain, fast, and with smaller queries."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from camaug import GroupCAM, GroupCamTransform
from camaug.augment import augmentation_explainer
from camaug.recipes import kept_places

try:
    from camaug.fast import FastForward
except ImportError:  # the fast path is not there yet
    FastForward = None

__all__ = ["HAS_FAST", "fast_forward", "from_maps", "half_resolution", "transform"]

HAS_FAST = FastForward is not None and "fast" in inspect.signature(GroupCamTransform).parameters
HAS_SCALE = "query_scale" in {field.name for field in dataclasses.fields(GroupCAM)}


def fast_forward(model: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """The fast forward of a model."""
    return None if FastForward is None else FastForward(model)


def half_resolution() -> GroupCAM:
    """The paper's Group-CAM for augmentation, whose queries have half the side."""
    return dataclasses.replace(augmentation_explainer(), **({"query_scale": 0.5} if HAS_SCALE else {}))


def transform(model: nn.Module, explainer: Any = None, *, fast: bool = False, share: float = 1.0) -> GroupCamTransform:
    """The paper's augmentation."""
    return GroupCamTransform(model, explainer, share=share, **({"fast": fast} if HAS_FAST else {}))


def from_maps(augment: GroupCamTransform, images: Tensor, labels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The augmented batch, its maps given, as those of a bank are."""
    if "maps" in inspect.signature(augment.make_params).parameters:
        params = augment.make_params([images, labels], maps=maps)
    else:
        params = augment.make_params([images[:0], labels[:0]])
        index = augment._choose(images)
        params |= {"index": index, "maps": maps, "masks": kept_places(maps, augment.recipe)}
    return augment.transform(images, params), augment.relabel(labels, params)
