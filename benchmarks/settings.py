"""Settings of Group-CAM to compare: plain, fast, and with smaller queries."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from camaug import FastForward, GroupCAM, GroupCamTransform
from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.augmentation.recipes import as_recipe

__all__ = ["from_maps", "half_resolution", "recipe", "transform"]


def half_resolution() -> GroupCAM:
    """Return the paper's Group-CAM for augmentation with queries at half the resolution."""
    return dataclasses.replace(augmentation_explainer(), query_scale=0.5)


def transform(model: nn.Module, explainer: Any = None, *, fast: bool = False, share: float = 1.0) -> GroupCamTransform:
    """Return the paper's augmentation of a share of the images.

    The fast forward is used even if its maps do not agree with the plain ones, unlike in a training run, since the
    weights may be random here.
    """
    return GroupCamTransform(model, explainer, forward=FastForward(model) if fast else None, fast=False, share=share)


def recipe(model: nn.Module, name: str) -> GroupCamTransform:
    """Return a recipe as the callback applies it, with its own explainer and share, in every batch."""
    chosen = as_recipe(name)
    if chosen.share_of_batches < 1:
        chosen = dataclasses.replace(chosen, probability=1.0)  # type: ignore[call-arg]
    return GroupCamTransform(model, recipe=chosen, share=chosen.usual_share, forward=FastForward(model), fast=False)


def from_maps(augment: GroupCamTransform, images: Tensor, labels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the batch augmented by the given maps, as by maps of the bank."""
    params = augment.make_params([images, labels], maps=maps)
    return augment.transform(images, params), augment.relabel(labels, params)
