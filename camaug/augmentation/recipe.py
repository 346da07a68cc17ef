"""Base class of the augmentation recipes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.explainers import Explainer
from camaug.functional.masks import blend
from camaug.utils.check_types import check_types

__all__ = ["Recipe", "RecipeParams"]


@dataclass(frozen=True)
class RecipeParams:
    """Parameters of one application of a recipe, the same for images and labels.

    Attributes:
        maps: Saliency maps of the chosen images in [0, 1], (M, H, W); all zero if the recipe needs no maps.
        masks: Masks that the recipe made of them, boolean (M, H, W).
        strength: Strength of the change, in [0, 1].
        blur: Blur with the user's settings, from images to images of the same shape.
        classes: The model's number of classes, known wherever a recipe that mixes labels changes images.
    """

    maps: Tensor
    masks: Tensor
    strength: float
    blur: Callable[[Tensor], Tensor]
    classes: int | None = None


@dataclass(frozen=True)
class Recipe(ABC):
    """Rule for changing training images by their saliency maps.

    :class:`camaug.GroupCamTransform` chooses images of a batch, explains them and applies the recipe's steps to the
    chosen images alone. The steps change no argument. Only :meth:`masks` may draw random numbers, from PyTorch's CPU
    generator, so that a call can be repeated with the same parameters.

    A new recipe is a file in ``camaug/augmentation/recipes`` with a frozen dataclass, whose fields are its settings,
    decorated by :func:`camaug.augmentation.recipe_registry.register_recipe`. A recipe outside of that folder needs no
    name: users give the object.
    """

    name: ClassVar[str] = "unregistered"
    needs_maps: ClassVar[bool] = True
    """False if the recipe uses no saliency maps: nothing is explained then. A recipe that needs maps must leave a batch
    without any evidence, whose maps are all zero, as it is."""
    adds_masked_views: ClassVar[bool] = False
    """True if the changed images are appended to the batch, as masked views, instead of replacing the originals."""
    mixes_labels: ClassVar[bool] = False
    """True if :meth:`labels` returns probabilities (M, classes). All labels of the batch become probabilities then."""

    def __post_init__(self) -> None:
        check_types(type(self), vars(self))

    def explainer(self) -> Explainer:
        """Return the explainer that finds the maps if the user chooses none."""
        return augmentation_explainer()

    @abstractmethod
    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks of the pixels that the images keep, or that a recipe of another kind acts on.

        Args:
            maps: Saliency maps of the chosen images in [0, 1], (M, H, W). M may be 0.

        Returns:
            Boolean masks (M, H, W).
        """

    def fill(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return what replaces the pixels outside the masks at full strength, (M, C, H, W): the blurred images."""
        return params.blur(images)

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the changed images: kept inside the masks, replaced by the fill outside.

        Args:
            images: The chosen images, (M, C, H, W).
            params: Their parameters.

        Returns:
            (M, C, H, W), in the images' dtype.
        """
        return blend(images, torch.lerp(images, self.fill(images, params), params.strength), params.masks)

    def labels(self, labels: Tensor, params: RecipeParams) -> Tensor:
        """Return the labels of the changed images: the same unless the recipe mixes labels.

        Args:
            labels: Labels of the chosen images, class indices (M,) or probabilities (M, classes).
            params: Their parameters.
        """
        return labels
