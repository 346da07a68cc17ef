"""Base class of the augmentation recipes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.explainers import Explainer
from camaug.functional.masks import blend
from camaug.utils.check_types import check_types

__all__ = ["Recipe", "RecipeParams", "Regions"]


@dataclass(frozen=True)
class Regions:
    """Parts of the chosen images that a recipe acts on, and its other random choices.

    Attributes:
        masks: Boolean masks (M, H, W): the pixels that the images keep, or that a recipe of another kind acts on.
        boxes: Boxes in pixels, (M, K, 4): top, left, height, width; None for a recipe without boxes.
        seed: Seed of the random pixels that fill the images.
    """

    masks: Tensor
    boxes: Tensor | None = None
    seed: int = 0


@dataclass(frozen=True)
class RecipeParams:
    """Parameters of one application of a recipe, the same for images and labels.

    Attributes:
        maps: Saliency maps of the chosen images in [0, 1], (M, H, W); all zero if the recipe needs no maps.
        regions: What the recipe chose in each image.
        strength: Strength of the change, in [0, 1].
        blur: Blur with the user's settings, from images to images of the same shape.
    """

    maps: Tensor
    regions: Regions
    strength: float
    blur: Callable[[Tensor], Tensor]

    @property
    def masks(self) -> Tensor:
        """The recipe's masks, boolean (M, H, W)."""
        return self.regions.masks


@dataclass(frozen=True)
class Recipe(ABC):
    """Rule for changing training images by their saliency maps.

    :class:`camaug.GroupCamTransform` chooses images of a batch, explains them and applies the recipe's steps to the
    chosen images alone. The steps change no argument. Only :meth:`is_due` and :meth:`regions` may draw random numbers,
    from PyTorch's CPU generator, so that a call can be repeated with the same parameters.

    A new recipe is a file in ``camaug/augmentation/recipes`` with a frozen dataclass, whose fields are its settings,
    decorated by :func:`camaug.augmentation.recipe_registry.register_recipe`. A recipe outside of that folder needs no
    name: users give the object. Most recipes override only :meth:`masks`; those that place boxes override
    :meth:`regions` and :meth:`images`, too.
    """

    name: ClassVar[str] = "unregistered"
    usual_share: ClassVar[float] = 0.5
    """Share of each batch's images that the callback changes unless the user says otherwise."""
    control: ClassVar[str | None] = None
    """Name of the recipe that does the same without the saliency, which shows what the saliency is worth."""
    evidence: ClassVar[str] = ""
    """A sentence on what the recipe gained or lost in the project's comparison, printed at the start of training."""
    last_epoch_only: ClassVar[bool] = False
    """True if the callback applies the recipe in the last epoch alone unless the user gives a start."""
    adds_masked_views: ClassVar[bool] = False
    """True if the changed images are appended to the batch, as masked views, instead of replacing the originals."""
    mixes_labels: ClassVar[bool] = False
    """True if a changed image shows a part of its partner, the chosen image before it in the batch, and
    :meth:`label_weights` returns the weights of both labels."""

    def __post_init__(self) -> None:
        check_types(type(self), vars(self))

    @property
    def needs_maps(self) -> bool:
        """False if the recipe uses no saliency maps: nothing is explained then.

        A recipe that needs maps must leave a batch without any evidence, whose maps are all zero, as it is.
        """
        return True

    def explainer(self) -> Explainer:
        """Return the explainer that finds the maps if the user chooses none."""
        return augmentation_explainer()

    @property
    def explains(self) -> Literal["label", "runner-up"]:
        """The class that the maps explain: the label, or the most probable other class."""
        return "label"

    @property
    def share_of_batches(self) -> float:
        """Share of the batches that are changed, which :meth:`is_due` draws."""
        return 1.0

    def is_due(self) -> bool:
        """Return True if this batch is changed at all."""
        return True

    @abstractmethod
    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks of the pixels that the images keep, or that a recipe of another kind acts on.

        Args:
            maps: Saliency maps of the chosen images in [0, 1], (M, H, W). M may be 0.

        Returns:
            Boolean masks (M, H, W).
        """

    def regions(self, maps: Tensor) -> Regions:
        """Return the regions that the recipe acts on, by default its masks.

        Args:
            maps: Saliency maps of the chosen images in [0, 1], (M, H, W). M may be 0.
        """
        return Regions(self.masks(maps))

    def replacement(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return what replaces the pixels outside the masks at full strength, (M, C, H, W): the blurred images."""
        return params.blur(images)

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the changed images: kept inside the masks, replaced outside.

        Args:
            images: The chosen images, (M, C, H, W).
            params: Their parameters.

        Returns:
            (M, C, H, W), in the images' dtype.
        """
        return blend(images, images.lerp(self.replacement(images, params), params.strength), params.masks)

    def label_weights(self, params: RecipeParams) -> tuple[Tensor, Tensor]:
        """Return the weights of each changed image's own label and of its partner's label, (M,) each.

        Only a recipe that mixes labels has them. They need not sum to one.
        """
        raise NotImplementedError(f"{type(self).__name__} mixes labels and must override `label_weights`")
