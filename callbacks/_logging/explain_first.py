"""Explanation of the first probe image, which shows whether the model has the gradients that a method needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.layer_explainer import NoGradientError
from camaug.inspection.probability_outputs import describe_probabilities

__all__ = ["explain_first"]


def explain_first(
    explainer: Explainer,
    model: nn.Module,
    images: Tensor,
    forward: Callable[[Tensor], Any] | None,
    warn: Callable[[str], None],
) -> tuple[Explainer, Explanation]:
    """Explain images by a method, or by Group-CAM without gradients if the model has none.

    Args:
        explainer: The method.
        model: The model, which stays unchanged.
        images: (N, C, H, W).
        forward: Function from images to logits, None for the model itself.
        warn: Function that gets a sentence if another method is used, or the model's outputs are no logits.

    Returns:
        The method that was used, and the explanation for the predicted classes.

    Raises:
        ValueError: If the explainer does not fit the model for another reason.
    """
    used = explainer
    try:
        explanation = used(model, images, forward=forward)
    except Exception:  # methods of pixel gradients raise torch's own errors
        if _has_gradients(model, images, forward):
            raise
        used = augmentation_explainer()
        explanation = used(model, images, forward=forward)
        warn(
            f"heatmaps are of {used.name} without gradients instead of {explainer.name}, because no gradient reaches "
            "the target layer, as in a backbone under torch.no_grad(). Choose explainer='score-cam' for another such "
            "method"
        )
    if sentence := describe_probabilities(explanation.logits):
        warn(sentence)
    return used, explanation


def _has_gradients(model: nn.Module, images: Tensor, forward: Callable[[Tensor], Any] | None) -> bool:
    try:
        as_explainer("grad-cam")(model, images, forward=forward)
    except NoGradientError:
        return False
    except Exception:  # the method's own error says more
        return True
    return True
