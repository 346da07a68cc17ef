"""Overview image of a snapshot's mistakes, for TensorBoard's Images tab and other loggers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from camaug.functional.masks import upsample
from camaug.images.class_names import class_label
from camaug.images.render import caption, enlarge, grid, overlay

from .explained_mistakes import ExplainedMistakes

__all__ = ["draw_mistakes"]

SMALLEST_SIDE = 192
GREEN, RED, GREY = (46, 160, 67), (218, 54, 51), (110, 118, 129)


def draw_mistakes(
    explained: ExplainedMistakes, images: Tensor, names: Sequence[str] | None, colormap: str, strength: float
) -> Tensor:
    """Draw the heatmaps of the predicted classes over all chosen images into one image.

    Args:
        explained: The explained images.
        images: The images, (K, 3, H, W) in [0, 1].
        names: Names of the classes, None for their indices.
        colormap: Colours of the heatmap.
        strength: Share of the heatmap in the overlay, in [0, 1].

    Returns:
        An image (3, h, w).
    """
    images = enlarge(images, SMALLEST_SIDE)
    size = (images.shape[-2], images.shape[-1])
    overlays = overlay(images, upsample(explained.maps[:, :1], size)[:, 0], colormap, strength)
    probabilities = explained.chosen.probabilities()
    cells = []
    for slot, image in enumerate(overlays):
        predicted = int(explained.classes[slot, 0])
        labels = explained.chosen.classes(slot)
        truth = ", ".join(class_label(names, label) for label in labels)
        lines = [f"{probabilities[slot, predicted]:.0%} {class_label(names, predicted)}", truth or "unlabelled"]
        mark = GREY if not labels else GREEN if predicted in labels else RED
        cells.append(caption(image, lines, mark=mark))
    return grid(cells)
