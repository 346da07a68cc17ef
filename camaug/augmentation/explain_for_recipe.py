"""Explanation of a batch's labels as a recipe needs it."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.augmentation.explain_labels import explain_labels
from camaug.augmentation.recipe import Recipe
from camaug.explainers import Explanation
from camaug.explainers.fast_path import FastPath
from camaug.explainers.layer_explainer import NoGradientError
from camaug.explainers.runner_up import runner_up

__all__ = ["explain_for_recipe"]


def explain_for_recipe(
    recipe: Recipe, explaining: FastPath, images: Tensor, labels: Tensor, *, deciding: bool, is_free: bool
) -> Explanation:
    """Explain the labels, or the classes that compete with them.

    Args:
        recipe: The recipe.
        explaining: The explainer.
        images: (N, C, H, W).
        labels: Labels of any kind (:func:`camaug.augmentation.label_targets.label_targets`).
        deciding: True if the fast forward may first be compared with the plain one.
        is_free: True if the user chose no explainer. Where the layer has no gradients, as in a backbone under
            ``torch.no_grad()``, Group-CAM without gradients replaces the recipe's own choice from then on.

    Raises:
        ValueError: If the labels do not fit the model's number of classes, or the user's explainer needs gradients that
            the layer has not.
    """
    explain = partial(_explain, recipe, explaining, images, labels, deciding=deciding)
    try:
        return explain()
    except NoGradientError:
        if not is_free:
            raise
    replaced = explaining.explainer.name
    explaining.use(augmentation_explainer())
    explaining.notify(
        f"explaining by {explaining.explainer.name} without gradients instead of {replaced}, because no gradient "
        "reaches the target layer, as in a backbone under torch.no_grad()"
    )
    return explain()


def _explain(recipe: Recipe, explaining: FastPath, images: Tensor, labels: Tensor, *, deciding: bool) -> Explanation:
    explain = partial(explaining, deciding=deciding)
    if recipe.explains == "runner-up":
        return explain_labels(lambda images, classes: explain(images, runner_up(classes)), images, labels)
    return explain_labels(explain, images, labels)
