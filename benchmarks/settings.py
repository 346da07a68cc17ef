"""The settings of Group-CAM that are compared: plain, fast, and with smaller queries."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from torch import Tensor, nn

from camaug import FastForward, GroupCAM, GroupCamTransform
from camaug.augment import augmentation_explainer
from camaug.recipes import kept_places

__all__ = ["from_maps", "half_resolution", "transform"]


def half_resolution() -> GroupCAM:
    """The paper's Group-CAM for augmentation, whose queries have half the side."""
    return dataclasses.replace(augmentation_explainer(), query_scale=0.5)


def transform(model: nn.Module, explainer: Any = None, *, fast: bool = False) -> GroupCamTransform:
    """The paper's augmentation."""
    return GroupCamTransform(model, explainer, forward=FastForward(model) if fast else None)


def from_maps(augment: GroupCamTransform, images: Tensor, labels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The augmented batch, its maps given, as those of a bank are."""
    if "maps" in inspect.signature(augment.make_params).parameters:
        params = augment.make_params([images, labels], maps=maps)
    else:  # until the bank is merged
        params = augment.make_params([images[:0], labels[:0]])
        index = augment._choose(images)
        params |= {"index": index, "maps": maps, "masks": kept_places(maps, augment.recipe)}
    return augment.transform(images, params), augment.relabel(labels, params)
