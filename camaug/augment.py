"""Group-CAM as data augmentation: images in which what does not matter is blurred away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug.batches import class_indices, find_images_and_labels, replace_images
from camaug.explainers import Explainer, GroupCAM, as_explainer
from camaug.masking import binarise, blend, gaussian_blur

__all__ = ["GroupCamTransform", "Recipe", "check_recipe", "kept_places"]

Recipe = Literal["keep-salient", "hide-salient"]


def augmentation_explainer() -> GroupCAM:
    """Group-CAM as the paper augments with it (arXiv 2103.13859, section 5): 16 groups and no backward pass."""
    return GroupCAM(theta=None, weighted=False)


def kept_places(maps: Tensor, recipe: Recipe) -> Tensor:
    """Where an image stays as it is.

    Args:
        maps: Saliency, (N, H, W).
        recipe: ``"keep-salient"``, where a map is at least its own mean; or ``"hide-salient"``, where it is below.

    Returns:
        Boolean masks (N, H, W); True everywhere for a flat map, which has no evidence to choose by.

    Example:
        >>> kept_places(torch.tensor([[[0.0, 0.2], [0.9, 0.1]]]), "hide-salient")
        tensor([[[ True,  True],
                 [False,  True]]])
    """
    salient = binarise(maps)
    if recipe == "keep-salient":
        return salient
    return ~salient | salient.all(dim=(1, 2), keepdim=True)


class GroupCamTransform(v2.Transform):
    """Blur what the model does not look at, in a batch of training images.

    Zhang, Rao, Yang 2021 (arXiv 2103.13859, section 5): the saliency ``L`` of the true class is binarised at each
    map's own mean, ``B = L >= mean(L)``, and the training image is ``X' = X * B + blur(X) * (1 - B)``. Labels pass
    through unchanged. An image without evidence for its class stays as it is. That is the recipe ``keep-salient``;
    ``hide-salient`` blurs what the model relies on, so that it must find more.

    Used as torchvision's ``MixUp`` and ``CutMix`` are: on the batch, on its device, with new tensors returned and the
    given ones left alone. The model is looked at as it is at each call, without a trace, and is not a submodule: the
    transform has no weights.

    Args:
        model: The classifier, usually the one in training; its forward gives logits.
        explainer: What finds the saliency: an explainer, or the name of one. None is the paper's choice: Group-CAM
            with 16 groups, without weights and without de-noising.
        recipe: ``"keep-salient"``, the paper's, or ``"hide-salient"``.
        strength: How much of the blur is mixed in where the image is not kept, in [0, 1]; the paper's is 1.
        share: Share of the images that are transformed, in [0, 1], chosen at random in each batch; the others cost
            nothing.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.

    Raises:
        ValueError: If ``share`` or ``strength`` is outside [0, 1], or the name of the recipe or the explainer unknown.

    Example:
        >>> import torchvision
        >>> transform = GroupCamTransform(torchvision.models.resnet18(num_classes=5))
        >>> images, labels = transform(torch.rand(2, 3, 64, 64), torch.tensor([0, 4]))
        >>> images.shape, labels
        (torch.Size([2, 3, 64, 64]), tensor([0, 4]))
    """

    def __init__(
        self,
        model: nn.Module,
        explainer: str | Explainer | None = None,
        *,
        recipe: Recipe = "keep-salient",
        strength: float = 1.0,
        share: float = 1.0,
        blur_kernel_size: int = 51,
        blur_sigma: float = 50.0,
        forward: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        check_recipe(recipe, strength, share)
        # Hidden from nn.Module's registration: a transform has no weights to save, move or train.
        self._model = (model,)
        self.explainer = augmentation_explainer() if explainer is None else as_explainer(explainer)
        self.recipe = recipe
        self.strength = strength
        self.share = share
        self.blur_kernel_size = blur_kernel_size
        self.blur_sigma = blur_sigma
        self._forward = forward

    def forward(self, *inputs: Any) -> Any:
        """Transform a batch.

        Args:
            *inputs: Images (N, C, H, W) and labels, class indices (N,) or probabilities (N, classes) of which the
                heaviest is explained: as two arguments, or as one container that holds them (see
                :func:`camaug.batches.find_images_and_labels`). Whatever else is there passes through.

        Returns:
            The same structure with new images.

        Raises:
            ValueError: If there are no images, or no labels.
        """
        batch = inputs if len(inputs) > 1 else inputs[0]
        images, labels = find_images_and_labels(batch)
        self.check_inputs([images, labels])
        params = self.make_params([images, labels])
        return replace_images(batch, images, self.transform(images, params))

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse a batch without labels: the saliency is that of the true class."""
        images, labels = flat_inputs
        if labels is None:
            raise ValueError(
                f"expected labels beside the {len(images)} images: class indices ({len(images)},) or probabilities "
                f"({len(images)}, classes)"
            )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """All of the randomness, the saliency and the masks, for ``[images, labels]``.

        Returns:
            ``index``: which images are transformed, (M,); ``maps``: their saliency, (M, H, W) in [0, 1]; ``masks``:
            what is kept of them, boolean (M, H, W).
        """
        images, labels = flat_inputs
        index = self._choose(images)
        size = (len(index), *images.shape[2:])
        maps = images.new_zeros(size, dtype=torch.float32)
        if len(index):
            maps = self.explain(images[index], labels[index])
        return {"index": index, "maps": maps, "masks": kept_places(maps, self.recipe)}

    def explain(self, images: Tensor, labels: Tensor) -> Tensor:
        """The saliency of the true class, or of the heaviest where labels are soft: maps (M, H, W) in [0, 1]."""
        return self.explainer(self._model[0], images, class_indices(labels), forward=self._forward).maps

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """New images (N, C, H, W): the chosen ones blurred outside their masks, the others as they are."""
        index, masks = params["index"], params["masks"]
        chosen = inpt[index].detach()
        blurred = gaussian_blur(chosen, self.blur_kernel_size, self.blur_sigma)
        blurred = torch.lerp(chosen, blurred, self.strength)
        return inpt.index_copy(0, index, blend(chosen, blurred, masks))

    def _choose(self, images: Tensor) -> Tensor:
        count = len(images)
        if self.share == 1:
            return torch.arange(count, device=images.device)
        if self.share == 0:
            return torch.arange(0, device=images.device)
        return (torch.rand(count) < self.share).nonzero()[:, 0].to(images.device)

    def extra_repr(self) -> str:
        """What the transform is configured with."""
        return f"explainer={self.explainer}, recipe={self.recipe}, strength={self.strength}, share={self.share}"


def check_recipe(recipe: str, strength: float, share: float) -> None:
    """Refuse what cannot be an augmentation."""
    if recipe not in ("keep-salient", "hide-salient"):
        raise ValueError(f"`recipe` must be 'keep-salient' or 'hide-salient', got {recipe!r}")
    for name, value in (("strength", strength), ("share", share)):
        if not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be between 0 and 1, got {value}")
