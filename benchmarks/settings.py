"""Settings of Group-CAM to compare: plain, fast, and with smaller queries."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from camaug import FastForward, GroupCAM, GroupCamTransform
from camaug.augmentation.augmentation_explainer import augmentation_explainer

__all__ = ["from_maps", "half_resolution", "transform"]


def half_resolution() -> GroupCAM:
    """Return the paper's Group-CAM for augmentation with queries at half the resolution."""
    return dataclasses.replace(augmentation_explainer(), query_scale=0.5)


def transform(model: nn.Module, explainer: Any = None, *, fast: bool = False) -> GroupCamTransform:
    """Return the paper's augmentation.

    The fast forward is used even if its maps do not agree with the plain ones, unlike in a training run, since the
    weights may be random here.
    """
    return GroupCamTransform(model, explainer, forward=FastForward(model) if fast else None, fast=False)


def from_maps(augment: GroupCamTransform, images: Tensor, labels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the batch augmented by the given maps, as by maps of the bank."""
    params = augment.make_params([images, labels], maps=maps)
    return augment.transform(images, params), augment.relabel(labels, params)
