"""Explanation of the chosen validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from camaug.explainers import Explanation
from camaug.functional.rank_correlation import rank_correlation
from camaug.inspection.model_precision import in_model_precision
from camaug.metrics.energy_in_mask import energy_in_mask
from camaug.utils.copied_to import copied_to
from camaug.utils.fetched import fetched

from .chosen_images import ChosenImages

__all__ = ["ExplainedMistakes", "explain_mistakes"]

CHUNK = 16  # images that are explained together


@dataclass(frozen=True)
class ExplainedMistakes:
    """Heatmaps of the chosen images.

    Attributes:
        chosen: The chosen images.
        classes: The explained classes (K, 3): the two most probable ones, and the first label where it is neither of
            them, else -1.
        maps: Heatmaps (K, 3, H, W) in [0, 1].
        similarity: Rank correlation (K,) of the maps of the two most probable classes.
        object_energy: Share (K,) of the first map's energy inside the object's mask, NaN where there is none.
        object_area: Share (K,) of the image that is inside the mask, NaN where there is none.
        layers: Names of the explained layers.
        grid: Height and width of the maps before upsampling, or None for methods without a layer.
    """

    chosen: ChosenImages
    classes: Tensor
    maps: Tensor
    similarity: Tensor
    object_energy: Tensor
    object_area: Tensor
    layers: Sequence[str]
    grid: tuple[int, int] | None


def explain_mistakes(
    chosen: ChosenImages,
    explain: Callable[[Tensor, Tensor], Explanation],
    model: nn.Module,
    device: torch.device,
    masks: Sequence[Tensor | None] | None = None,
    track: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> ExplainedMistakes:
    """Explain the chosen images for their two most probable classes and their label.

    Args:
        chosen: The images, at least one.
        explain: Function from images (N, C, H, W) and targets (N, 3), -1 for none, to an explanation.
        model: The model, in whose precision the images are passed.
        device: Device of the model.
        masks: Boolean masks (H, W) of the objects, None where an image has none; None without masks.
        track: Function that yields the starts of the chunks, and may show how many are done.
    """
    classes = _explained_classes(chosen)
    maps: list[Tensor] = []
    for start in track(range(0, len(classes), CHUNK)):
        part = slice(start, start + CHUNK)
        images = chosen.images[part]
        images = in_model_precision(images if images.is_floating_point() else images.float(), model)
        explanation = explain(copied_to(images, device), classes[part])
        maps += fetched(explanation.maps)
    stacked = torch.cat(maps)
    return ExplainedMistakes(
        chosen,
        classes,
        stacked,
        rank_correlation(stacked[:, 0], stacked[:, 1]),
        *_energies_and_areas(stacked[:, 0], masks),
        explanation.layers,
        explanation.grid,
    )


def _explained_classes(chosen: ChosenImages) -> Tensor:
    logits = chosen.logits.nan_to_num(0)
    top = logits.topk(2, dim=1).indices
    labels = [chosen.classes(position) for position in range(len(top))]
    first = torch.tensor([found[0] if found else -1 for found in labels], device="cpu")
    is_other = (first[:, None] != top).all(dim=1)
    return torch.cat([top, torch.where(is_other, first, -1)[:, None]], dim=1)


def _energies_and_areas(maps: Tensor, masks: Sequence[Tensor | None] | None) -> tuple[Tensor, Tensor]:
    energies, areas = torch.full((2, len(maps)), torch.nan, device="cpu")
    for position, mask in enumerate(masks or ()):
        if mask is not None and mask.any():
            energies[position] = energy_in_mask(maps[position, None], mask[None])[0]
            areas[position] = mask.float().mean()
    return energies, areas
