"""Group-CAM data augmentation as a batch transform."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.explain_for_recipe import explain_for_recipe
from camaug.augmentation.explain_in_parts import explain_in_parts
from camaug.augmentation.explain_labels import has_labels, has_several_labels
from camaug.augmentation.label_targets import are_indices
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipe_application import RecipeApplication
from camaug.augmentation.recipes import Recipe, RecipeParams, as_recipe
from camaug.augmentation.replaceable_batch import ReplaceableBatch
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.fast_path import FastPath
from camaug.functional.masks import gaussian_blur
from camaug.utils.check_blur import check_blur
from camaug.utils.check_fraction import check_fraction
from camaug.utils.check_types import check_types
from camaug.utils.copied_to import copied_to

__all__ = ["GroupCamTransform"]


class GroupCamTransform(v2.Transform):
    """Augmentation of training batches by saliency maps of the model in training.

    Zhang, Rao, Yang 2021 (arXiv 2103.13859, section 5): the saliency map ``L`` of the true class is binarised at its
    own mean, ``B = L >= mean(L)``, and the training image is ``X' = X * B + blur(X) * (1 - B)``. Labels stay the same,
    and an image without evidence for its class stays as it is. Other recipes
    (:class:`camaug.augmentation.recipe.Recipe`) use the map otherwise:

    * ``keep-salient``: the paper's; unimportant pixels are blurred;
    * ``hide-salient``: the pixels that the model relies on most are replaced; ``mask-tune`` does it once, at the end;
    * ``salient-crop``: a random crop that contains much of the saliency is enlarged;
    * ``snapmix``: a box of one image is pasted into another, and both labels count
      (:class:`camaug.augmentation.mixed_labels.MixedLabels`);
    * ``paired``: masked views of the chosen images, made by one of the first three, are appended to the batch, with
      their labels and everything else in the batch that has a row for each image (weights, paths, a second view).

    Controls show what the saliency is worth: ``blur-everything``; ``random-mask`` and ``shuffled-maps``, with random
    patches of the same area or the map of another image; ``hide-random``, with the hidden region moved to a random
    position; ``random-crop`` and ``avoid-crop``; ``paired-random``, masked views made by a control.

    Use it as torchvision's ``MixUp`` and ``CutMix``: on a batch, on its device. It returns new tensors and leaves the
    given ones alone. Unlabelled images (negative class indices, rows of zeros) are never explained or changed. The
    model is left as it is, and it is not a submodule: the transform has no weights.

    Args:
        model: The classifier, usually the one in training. Its forward returns logits.
        explainer: The explainer that finds the saliency, or its name. None is the recipe's own choice: the paper's
            Group-CAM with 16 groups, unweighted and without de-noising, or Grad-CAM.
        recipe: A recipe or its name.
        strength: Strength of the change, in [0, 1]: of the blur, or of the pasted part. The paper's is 1.
        share: Share of the images that are changed, in [0, 1]: ``round(share * N)`` of N images, chosen at random in
            each batch, labelled ones first; of a batch in which less than one is due, one now and then. The others cost
            nothing. An image without a label stays as it is, and its masked view is a copy with its negative label.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        forward: A function from images to logits (N, classes), for a model whose forward returns something else.
        fast: True to explain by the fast forward while its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).
        images: Where a batch has its images, if they are not found: a key, an index, a path such as ``"0.image"``, or a
            function of the batch that returns one of its tensors.
        labels: Where a batch has its labels, in the same forms.
        multi_label: True if rows of labels (N, classes) are classes that do not exclude each other, False if they are
            probabilities. None if an image with two positive classes shows it.

    Raises:
        ValueError: If ``share`` or ``strength`` is outside [0, 1], or a name is unknown.

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
        recipe: str | Recipe = "keep-salient",
        strength: float = 1.0,
        share: float = 1.0,
        blur_kernel_size: int = 51,
        blur_sigma: float = 50.0,
        forward: Callable[[Tensor], Tensor] | None = None,
        fast: bool = True,
        images: Selector | None = None,
        labels: Selector | None = None,
        multi_label: bool | None = None,
    ) -> None:
        super().__init__()
        self.recipe = as_recipe(recipe)
        chosen = self.recipe.explainer() if explainer is None else as_explainer(explainer)
        check_types(GroupCamTransform.__init__, locals())
        check_fraction("strength", strength)
        check_fraction("share", share)
        check_blur(blur_kernel_size, blur_sigma)
        self.strength = strength
        self.share = share
        self.blur_kernel_size = blur_kernel_size
        self.blur_sigma = blur_sigma
        self.forward_function = forward
        self.selectors = images, labels
        self.multi_label = multi_label
        self.appends_masked_views = self.recipe.adds_masked_views
        self.is_free = explainer is None
        self.explaining = FastPath(chosen, model, forward, enabled=fast)
        self._fitting: dict[tuple[object, ...], int] = {}  # numbers of images that can be explained at once

    @property
    def explainer(self) -> Explainer:
        """The explainer that finds the saliency."""
        return self.explaining.explainer

    def forward(self, *inputs: Any) -> Any:
        """Augment a batch.

        Args:
            *inputs: Images (N, C, H, W) and labels of any kind, as two arguments or in one container
                (:func:`camaug.augmentation.batch.find_images_and_labels`). Of probabilities the largest is explained.

        Returns:
            The same structure with new images, and with new labels if the recipe mixes labels or appends masked views.

        Raises:
            ValueError: If there are no images or no labels.
        """
        return self.augment(inputs if len(inputs) > 1 else inputs[0]).batch

    def augment(self, batch: Any, maps: Tensor | None = None) -> AugmentedBatch:
        """Augment a batch and return it with its maps and masks.

        Args:
            batch: Any container with images and labels.
            maps: Saliency maps of all images (N, H, W) in [0, 1], if known. Nothing is explained then.

        Raises:
            ValueError: If there are no images or no labels, the given maps do not fit, or labels that are mixed
                already would be mixed again.
        """
        reading = self.read(batch)
        images, labels = reading.pixels, reading.plain_labels
        if self.recipe.mixes_labels and isinstance(reading.labels, MixedLabels):
            raise ValueError("the labels of this batch are mixed already: use one recipe that mixes labels")
        params = self.make_params([images, labels], maps)
        application, index = self._application(params), params["index"]
        changed = application.changed(images)
        new_images = reading.as_images(application.insert(images, changed))
        new_labels = application.labels(reading.labels if isinstance(reading.labels, MixedLabels) else labels)
        new_batch = reading.rebuilt(new_images, new_labels, index if self.appends_masked_views else None)
        several = has_several_labels(labels, self.multi_label)
        maps, masks = params["maps"], params["regions"].masks
        return AugmentedBatch(new_batch, new_images, index, changed, maps, masks, new_labels, several)

    def find(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the images, floating-point, and the labels of a batch.

        Raises:
            ValueError: If there are no images or no labels.
        """
        reading = self.read(batch)
        return reading.pixels, reading.labels

    def read(self, batch: Any) -> ReplaceableBatch:
        """Find the images and labels of a batch.

        Raises:
            ValueError: If there are no images or no labels.
        """
        return ReplaceableBatch.read(batch, *self.selectors)

    def make_params(self, flat_inputs: list[Any], maps: Tensor | None = None) -> dict[str, Any]:
        """Return all random choices, the saliency maps and the regions for ``[images, labels]``.

        Args:
            flat_inputs: Images and labels.
            maps: Saliency maps of all images (N, H, W) in [0, 1], if known. Nothing is explained then.

        Returns:
            ``index``: indices of the chosen images, (M,); ``maps``: their saliency maps in [0, 1], (M, H, W);
            ``regions``: what the recipe chose in each image (:class:`camaug.augmentation.recipe.Regions`);
            ``is_labelled``: whether each has a label, boolean (M,), without which it stays as it is.

        Raises:
            ValueError: If the given maps have another shape than the images.
        """
        images, labels = flat_inputs
        _check_shape(images, maps)
        is_labelled = copied_to(has_labels(labels), images.device)
        index = _choose(is_labelled, self.share if self.recipe.is_due() else 0)
        if self.appends_masked_views and not are_indices(labels):
            index = index[is_labelled[index]]  # an image of no class is a negative example, which must not be repeated
        if maps is not None:
            maps = maps[index]
        elif len(index) and self.recipe.needs_maps:
            maps = self.explain(images[index], labels[index]).maps
        else:
            maps = images.new_zeros((len(index), *images.shape[2:]), dtype=torch.float32)
        regions = self.recipe.regions(maps)
        return {"index": index, "maps": maps, "regions": regions, "is_labelled": is_labelled[index]}

    def explain(self, images: Tensor, labels: Tensor, *, deciding: bool = True) -> Explanation:
        """Explain the classes that the labels name, with one map for each image, in parts where memory is short.

        Args:
            images: (N, C, H, W).
            labels: Labels of any kind (:func:`camaug.augmentation.label_targets.label_targets`). The map of an image
                with several labels is the maximum of their maps, and that of an unlabelled image is all zero.
            deciding: True if the fast forward may first be compared with the plain one.

        Raises:
            ValueError: If the labels do not fit the model's number of classes.
        """

        def explain(part: slice) -> Explanation:
            one = (self.recipe, self.explaining, images[part], labels[part])
            return explain_for_recipe(*one, deciding=deciding, is_free=self.is_free)

        return explain_in_parts(explain, len(images), self._fitting, tuple(images.shape[1:]))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return the new images: (N, C, H, W), or (N + M, C, H, W) if masked views are appended."""
        application = self._application(params)
        return application.insert(inpt, application.changed(inpt))

    def relabel(self, labels: Tensor, params: dict[str, Any]) -> Tensor:
        """Return the labels of the new images: the same tensor unless labels are mixed or masked views appended."""
        return self._application(params).labels(labels)

    def extra_repr(self) -> str:
        """Return the settings for ``repr``."""
        return f"explainer={self.explainer}, recipe={self.recipe}, strength={self.strength}, share={self.share}"

    def _application(self, params: dict[str, Any]) -> RecipeApplication:
        blur = partial(gaussian_blur, kernel_size=self.blur_kernel_size, sigma=self.blur_sigma)
        parameters = RecipeParams(params["maps"], params["regions"], self.strength, blur)
        return RecipeApplication(
            self.recipe, parameters, params["index"], self.appends_masked_views, params["is_labelled"]
        )


def _check_shape(images: Tensor, maps: Tensor | None) -> None:
    expected = (len(images), *images.shape[2:])
    if maps is not None and maps.shape != expected:
        raise ValueError(f"`maps` must have the images' shape (N, H, W) = {expected}, got {tuple(maps.shape)}")


def _choose(has_label: Tensor, share: float) -> Tensor:
    """Choose ``round(share * N)`` of N images at random, those with a label first, in ascending order.

    The number depends on the batch size alone, so that every step has the same shapes, and nothing waits for the
    device. Only where less than one image is due, one or none is chosen, so that small batches have their share, too.
    """
    total = len(has_label)
    due = share * total
    count = math.floor(due + 0.5) if due >= 1 or due == 0 else int(torch.rand((), device="cpu") < due)
    if count in (0, total):
        return torch.arange(count, device=has_label.device)
    order = copied_to(torch.rand(total, device="cpu"), has_label.device)
    return torch.where(has_label, order, order + 1).argsort()[:count].sort().values
