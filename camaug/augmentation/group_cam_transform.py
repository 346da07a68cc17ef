"""Group-CAM as data augmentation: images in which what does not matter is blurred away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug.augmentation.batch import class_indices, find_images_and_labels, replace_tensors
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.fast_path import FastPath
from camaug.explainers.methods.group_cam import GroupCAM
from camaug.functional.masks import blend, gaussian_blur
from camaug.functional.recipes import (
    NEED_NO_MAPS,
    WITH_MASKED_VIEWS,
    Recipe,
    check_recipe,
    energy_share,
    kept_pixels,
    mixed_labels,
    probabilities,
)

__all__ = ["GroupCamTransform"]


def augmentation_explainer() -> GroupCAM:
    """Group-CAM as the paper augments with it (arXiv 2103.13859, section 5): 16 groups and no backward pass."""
    return GroupCAM(theta=None, weighted=False)


class GroupCamTransform(v2.Transform):
    """Use what the model looks at to change a batch of training images.

    Zhang, Rao, Yang 2021 (arXiv 2103.13859, section 5): the saliency ``L`` of the true class is binarised at each
    map's own mean, ``B = L >= mean(L)``, and the training image is ``X' = X * B + blur(X) * (1 - B)``. Labels pass
    through unchanged. An image without evidence for its class stays as it is. That is the first of the recipes:

    * ``keep-salient``: what does not matter is blurred away;
    * ``hide-salient``: what the model relies on is blurred, so that it must find more;
    * ``mix``: the salient part of one image is pasted into another, and the labels become probabilities, by the share
      of each image's saliency that is to be seen (after SnapMix, :func:`camaug.functional.recipes.mixed_labels`);
    * ``paired``: the images are followed by the masked twins of those chosen, and the labels likewise; a loss may ask
      for like answers (:func:`camaug.functional.recipes.pair_consistency`).

    Four controls show what saliency is worth: ``blur-everything``; ``random-mask``, random places of the same area;
    ``shuffled-maps``, the map of another image of the batch; ``paired-random``, twins with random masks.

    Used as torchvision's ``MixUp`` and ``CutMix`` are: on the batch, on its device, with new tensors returned and the
    given ones left alone. The model is looked at as it is at each call, without a trace, and is not a submodule: the
    transform has no weights.

    Args:
        model: The classifier, usually the one in training; its forward gives logits.
        explainer: What finds the saliency: an explainer, or the name of one. None is the paper's choice: Group-CAM
            with 16 groups, without weights and without de-noising.
        recipe: One of those above; the paper's by default.
        strength: How much of the change is made, in [0, 1]: of the blur where the image is not kept, or of the pasted
            part. The paper's is 1.
        share: Share of the images that are transformed, in [0, 1], chosen at random in each batch; the others cost
            nothing.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.
        fast: Whether images are explained by the fast forward, as long as its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).

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
        fast: bool = True,
    ) -> None:
        super().__init__()
        check_recipe(recipe, strength, share)
        self.explainer = augmentation_explainer() if explainer is None else as_explainer(explainer)
        self.recipe = recipe
        self.strength = strength
        self.share = share
        self.blur_kernel_size = blur_kernel_size
        self.blur_sigma = blur_sigma
        self.forward_function = forward
        self.explaining = FastPath(self.explainer, model, forward, enabled=fast)

    def forward(self, *inputs: Any) -> Any:
        """Transform a batch.

        Args:
            *inputs: Images (N, C, H, W) and labels, class indices (N,) or probabilities (N, classes) of which the
                heaviest is explained: as two arguments, or as one container that holds them (see
                :func:`camaug.augmentation.batch.find_images_and_labels`). Whatever else is there passes through.

        Returns:
            The same structure with new images; by ``mix`` with new labels too, probabilities (N, classes); by
            ``paired`` with N + M images and labels, the last M of the twins.

        Raises:
            ValueError: If there are no images, or no labels.
        """
        batch = inputs if len(inputs) > 1 else inputs[0]
        images, labels = find_images_and_labels(batch)
        self.check_inputs([images, labels])
        params = self.make_params([images, labels])
        return self.replace(batch, [images, labels], params)

    def replace(self, batch: Any, flat_inputs: list[Any], params: dict[str, Any]) -> Any:
        """The batch with images and labels changed by ``params``; the given one is left as it is."""
        images, labels = flat_inputs
        replacements = [(images, self.transform(images, params)), (labels, self.relabel(labels, params))]
        return replace_tensors(batch, replacements)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse a batch without labels: the saliency is that of the true class."""
        images, labels = flat_inputs
        if labels is None:
            raise ValueError(
                f"expected labels beside the {len(images)} images: class indices ({len(images)},) or probabilities "
                f"({len(images)}, classes)"
            )

    def make_params(
        self, flat_inputs: list[Any], maps: Tensor | None = None, classes: int | None = None
    ) -> dict[str, Any]:
        """All of the randomness, the saliency and the masks, for ``[images, labels]``.

        Args:
            flat_inputs: Images and labels.
            maps: The images' saliency where it is known, (N, H, W) in [0, 1]; no explanation is made then.
            classes: The model's number of classes, which ``mix`` needs to know beside given maps.

        Returns:
            ``index``: which images are changed, (M,); ``maps``: their saliency, (M, H, W) in [0, 1]; ``masks``: what
            is kept of them, boolean (M, H, W), or by ``mix`` what is pasted of each; ``classes``: the model's number of
            classes, None where it was not asked.

        Raises:
            ValueError: If the given maps are not of the images' number and size, or ``mix`` lacks ``classes``.
        """
        images, labels = flat_inputs
        if maps is not None:
            self._check_given(images, maps, classes)
        index = self._choose(images)
        size = (len(index), *images.shape[2:])
        if maps is not None:
            maps = maps[index]
        elif len(index) and self.recipe not in NEED_NO_MAPS:
            explanation = self.explain(images[index], labels[index])
            maps, classes = explanation.maps, explanation.logits.shape[1]
        else:
            maps = images.new_zeros(size, dtype=torch.float32)
        masks = kept_pixels(maps, self.recipe)
        if self.recipe == "mix":
            masks &= ~masks.all(dim=(1, 2), keepdim=True)  # without evidence there is nothing to paste
        return {"index": index, "maps": maps, "masks": masks, "classes": classes}

    def explain(self, images: Tensor, labels: Tensor, *, deciding: bool = True) -> Explanation:
        """The explanation of the true class, or of the heaviest where labels are soft.

        Args:
            images: (N, C, H, W).
            labels: Class indices (N,) or probabilities (N, classes).
            deciding: Whether the fast way may be compared with the plain one first.
        """
        return self.explaining(images, class_indices(labels), deciding=deciding)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """New images: those chosen changed, the others as they are; (N, C, H, W), by ``paired`` (N + M, C, H, W)."""
        index, masks = params["index"], params["masks"]
        chosen = inpt[index].detach()
        if self.recipe == "mix":
            changed = torch.lerp(chosen, blend(chosen.roll(1, dims=0), chosen, masks.roll(1, dims=0)), self.strength)
        else:
            blurred = gaussian_blur(chosen, self.blur_kernel_size, self.blur_sigma)
            changed = blend(chosen, torch.lerp(chosen, blurred, self.strength), masks)
        return torch.cat([inpt, changed]) if self.recipe in WITH_MASKED_VIEWS else inpt.index_copy(0, index, changed)

    def relabel(self, labels: Tensor, params: dict[str, Any]) -> Tensor:
        """The labels of the new images; the very same by every recipe but ``mix`` and ``paired``."""
        index, maps, pasted = params["index"], params["maps"], params["masks"].roll(1, dims=0)
        if self.recipe in WITH_MASKED_VIEWS:
            return torch.cat([labels, labels[index]])
        if self.recipe != "mix" or len(index) == 0:
            return labels
        kept = 1 - self.strength * energy_share(maps, pasted)
        given = self.strength * energy_share(maps.roll(1, dims=0), pasted)
        chosen = labels[index]
        mixed = mixed_labels(chosen, chosen.roll(1, dims=0), kept, given, params["classes"])
        return probabilities(labels, params["classes"]).index_copy(0, index, mixed)

    def _check_given(self, images: Tensor, maps: Tensor, classes: int | None) -> None:
        expected = (len(images), *images.shape[2:])
        if maps.shape != expected:
            raise ValueError(f"`maps` must have the images' shape (N, H, W) = {expected}, got {tuple(maps.shape)}")
        if self.recipe == "mix" and classes is None:
            raise ValueError(
                "with given maps the recipe 'mix' needs `classes`, the model's number of classes, got None"
            )

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
