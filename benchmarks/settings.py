"""The settings of Group-CAM that are compared: plain, fast, and with smaller queries."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from camaug import FastForward, GroupCAM, GroupCamTransform
from camaug.augmentation.group_cam_transform import augmentation_explainer

__all__ = ["from_maps", "half_resolution", "transform"]


def half_resolution() -> GroupCAM:
    """The paper's Group-CAM for augmentation, whose queries have half the side."""
    return dataclasses.replace(augmentation_explainer(), query_scale=0.5)


def transform(model: nn.Module, explainer: Any = None, *, fast: bool = False) -> GroupCamTransform:
    """The paper's augmentation.

    Fast, it is so whether or not its maps agree with the plain ones, on which a training would decide: these weights
    may be random, and what is measured is to be known.
    """
    return GroupCamTransform(model, explainer, forward=FastForward(model) if fast else None, fast=False)


def from_maps(augment: GroupCamTransform, images: Tensor, labels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The augmented batch, its maps given, as those of a bank are."""
    params = augment.make_params([images, labels], maps=maps)
    return augment.transform(images, params), augment.relabel(labels, params)
