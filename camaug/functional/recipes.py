"""What a saliency map is used for in training: pure functions of images, labels and maps."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.masks import binarise, upsample

__all__ = [
    "CONTROLS",
    "NEED_NO_MAPS",
    "WITH_MASKED_VIEWS",
    "Recipe",
    "check_recipe",
    "kept_pixels",
    "energy_share",
    "mixed_labels",
    "pair_consistency",
    "random_masks",
]

Recipe = Literal[
    "keep-salient",
    "hide-salient",
    "mix",
    "paired",
    "blur-everything",
    "random-mask",
    "shuffled-maps",
    "paired-random",
]
CONTROLS: tuple[Recipe, ...] = ("blur-everything", "random-mask", "shuffled-maps", "paired-random")
"""Recipes that do not use what the model looks at: what saliency is worth shows against them."""
NEED_NO_MAPS: tuple[Recipe, ...] = ("blur-everything",)
WITH_MASKED_VIEWS: tuple[Recipe, ...] = ("paired", "paired-random")

GRID_OF_RANDOM_MASKS = 7  # cells each way, as the layers that maps come from have at 224 pixels


def kept_pixels(maps: Tensor, recipe: Recipe) -> Tensor:
    """Where an image stays as it is.

    Args:
        maps: Saliency, (N, H, W).
        recipe: ``"keep-salient"``, ``"paired"`` and ``"mix"``: where a map is at least its own mean;
            ``"hide-salient"``: where it is below; ``"blur-everything"``: nowhere; ``"random-mask"`` and
            ``"paired-random"``: in random places of the same area; ``"shuffled-maps"``: where the map of the image
            before it is at least its mean.

    Returns:
        Boolean masks (N, H, W). True everywhere for a flat map, which has no evidence to choose by, except where
        everything is blurred; and where maps are to be shuffled and there is a single one.

    Example:
        >>> kept_pixels(torch.tensor([[[0.0, 0.2], [0.9, 0.1]]]), "hide-salient")
        tensor([[[ True,  True],
                 [False,  True]]])
    """
    salient = binarise(maps)
    if recipe == "hide-salient":
        return ~salient | salient.all(dim=(1, 2), keepdim=True)
    if recipe == "blur-everything":
        return torch.zeros_like(salient)
    if recipe in ("random-mask", "paired-random"):
        return random_masks(salient)
    if recipe == "shuffled-maps":
        return salient.roll(1, dims=0) if len(salient) > 1 else torch.ones_like(salient)
    return salient


def random_masks(masks: Tensor) -> Tensor:
    """Random places of the same area as each mask, in patches as coarse as a saliency map's.

    Drawn by PyTorch's own generator on the CPU.

    Args:
        masks: Boolean, (N, H, W).

    Returns:
        Boolean masks (N, H, W), each of as many True places as the given one.

    Example:
        >>> masks = torch.rand(2, 28, 28) > 0.7
        >>> torch.equal(random_masks(masks).sum(dim=(1, 2)), masks.sum(dim=(1, 2)))
        True
    """
    if len(masks) == 0:
        return masks
    noise = torch.rand(len(masks), 1, GRID_OF_RANDOM_MASKS, GRID_OF_RANDOM_MASKS).to(masks.device)
    flat = upsample(noise, (masks.shape[1], masks.shape[2])).flatten(1)
    ranks = flat.argsort(dim=1, descending=True).argsort(dim=1)
    return (ranks < masks.flatten(1).sum(dim=1, keepdim=True)).view(masks.shape)


def energy_share(maps: Tensor, masks: Tensor) -> Tensor:
    """The share of each map's mass that lies inside its mask; the share of the area where a map has no mass.

    Args:
        maps: (N, H, W), at least 0.
        masks: Boolean, (N, H, W).

    Returns:
        (N,), in [0, 1].

    Example:
        >>> energy_share(torch.tensor([[[1.0, 3.0]], [[0.0, 0.0]]]), torch.tensor([[[False, True]], [[False, True]]]))
        tensor([0.7500, 0.5000])
    """
    mass = torch.where(maps.sum(dim=(1, 2), keepdim=True) > 0, maps, 1)
    return (mass * masks).sum(dim=(1, 2)) / mass.sum(dim=(1, 2))


def mixed_labels(labels: Tensor, donors: Tensor, kept: Tensor, pasted: Tensor, classes: int) -> Tensor:
    """Labels of images into which a part of another was pasted, by what of either is to be seen.

    Huang, Wang, Tao 2021, SnapMix (arXiv 2012.04846), section 3.2: each image's label weighs as the share of its map's
    mass that the mixed image shows. The two are divided by their sum, so that a label is a distribution.

    Args:
        labels: Of the images pasted into: class indices (N,) or probabilities (N, classes).
        donors: Of the images that the pasted parts come from, likewise.
        kept: Share of the former's mass that is still to be seen, (N,).
        pasted: Share of the latter's mass that is, (N,).
        classes: Number of classes.

    Returns:
        Probabilities (N, classes).

    Example:
        >>> labels = torch.tensor([0]), torch.tensor([1])
        >>> mixed_labels(*labels, kept=torch.tensor([0.2]), pasted=torch.tensor([0.6]), classes=3)
        tensor([[0.2500, 0.7500, 0.0000]])
    """
    total = (kept + pasted).clamp(min=torch.finfo(kept.dtype).tiny)
    weight = torch.where(kept + pasted > 0, pasted / total, 0)[:, None]
    return torch.lerp(probabilities(labels, classes), probabilities(donors, classes), weight)


def probabilities(labels: Tensor, classes: int) -> Tensor:
    """Labels as probabilities (N, classes), float32; those that are already stay as they are."""
    return (labels if labels.dim() == 2 else F.one_hot(labels, classes)).float()


def pair_consistency(logits: Tensor, index: Tensor) -> Tensor:
    """How differently a model answers for images and for their masked twins: the Jensen-Shannon divergence.

    The consistency term of AugMix (Hendrycks et al. 2020, arXiv 1912.02781, section 3), for two views.

    Args:
        logits: Of N images and then of M twins, (N + M, classes).
        index: Which image each twin is of, (M,).

    Returns:
        A scalar, the mean over the pairs, in [0, ln 2]; 0 without pairs.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 9.0], [2.0, 0.0]])
        >>> bool(pair_consistency(logits, torch.tensor([0])) < 1e-6)
        True
    """
    if len(index) == 0:
        return logits.sum() * 0
    originals, masked_views = logits[: len(logits) - len(index)], logits[len(logits) - len(index) :]
    one, other = originals[index].float().log_softmax(dim=1), masked_views.float().log_softmax(dim=1)
    middle = torch.logaddexp(one, other) - torch.log(torch.tensor(2.0))
    divergences = [F.kl_div(middle, each, log_target=True, reduction="batchmean") for each in (one, other)]
    return (divergences[0] + divergences[1]) / 2


def check_recipe(recipe: str, strength: float, share: float) -> None:
    """Refuse what cannot be an augmentation."""
    if recipe not in get_args(Recipe):
        raise ValueError(f"`recipe` must be one of {', '.join(get_args(Recipe))}, got {recipe!r}")
    for name, value in (("strength", strength), ("share", share)):
        if not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be between 0 and 1, got {value}")
