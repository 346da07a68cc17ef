"""Arms of the shortcut pilot: the loss of one training step under each augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from camaug import get_explainer
from camaug.functional.masks import gaussian_blur

__all__ = ["ARMS", "CONTROLS", "Batch"]

EXPLAINERS = {
    "grad-cam": get_explainer("grad-cam"),
    "cam": get_explainer("cam"),
    "group-cam": get_explainer("group-cam", groups=16, theta=None, weighted=False),
}


@dataclass(frozen=True)
class Batch:
    """A training batch and all that an arm's loss needs.

    Attributes:
        model: The classifier.
        images: Its input (N, 3, H, W).
        labels: Class indices (N,).
        half: Indices of the half of the batch that most arms change (N // 2,).
        generator: Source of all random numbers of the augmentation.
    """

    model: nn.Module
    images: Tensor
    labels: Tensor
    half: Tensor
    generator: torch.Generator

    def maps(self, indices: Tensor, explainer: str = "grad-cam") -> Tensor:
        """Return the heatmaps (n, H, W) of some images' labels."""
        return EXPLAINERS[explainer](self.model, self.images[indices], self.labels[indices]).maps

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw a number from the interval."""
        return float(torch.empty(()).uniform_(low, high, generator=self.generator))

    def integer(self, end: int) -> int:
        """Draw an integer below ``end``."""
        return int(torch.randint(0, end, (), generator=self.generator))

    def numpy_generator(self) -> np.random.Generator:
        """Return a NumPy generator, which has the beta distribution, seeded by this batch's generator."""
        return np.random.default_rng(self.integer(2**31))

    def permutation(self) -> Tensor:
        """Draw an order of the images."""
        return torch.randperm(len(self.images), generator=self.generator).to(self.images.device)


Box = tuple[int, int, int, int]  # top, bottom, left, right
Region = Callable[[Batch, Tensor], Tensor]
"""Function of a batch and the indices of n of its images that returns the masks to fill, bool (n, H, W)."""
Fill = Callable[[Tensor], Tensor]


def plain_loss(batch: Batch) -> Tensor:
    """Return the cross entropy of the unchanged batch."""
    return F.cross_entropy(batch.model(batch.images), batch.labels)


def hidden_loss(batch: Batch, region: Region, fill: Fill, whole_batch: bool = False) -> Tensor:
    """Return the cross entropy with a region filled in half of the images, or in all of them."""
    chosen = torch.arange(len(batch.images), device=batch.images.device) if whole_batch else batch.half
    images = batch.images.index_copy(0, chosen, _hidden(batch, chosen, region, fill))
    return F.cross_entropy(batch.model(images), batch.labels)


def paired_loss(batch: Batch, region: Region, fill: Fill) -> Tensor:
    """Return the cross entropy with masked views of half of the images appended, plus the consistency loss.

    The masked view's prediction is drawn to the prediction for its image, by their Kullback-Leibler divergence, which
    is constant in the latter.
    """
    views = _hidden(batch, batch.half, region, fill)
    logits = batch.model(torch.cat([batch.images, views]))
    of_images, of_views = logits.split([len(batch.images), len(views)])
    target = of_images[batch.half].detach().softmax(1)
    consistency = F.kl_div(of_views.log_softmax(1), target, reduction="batchmean")
    return F.cross_entropy(logits, torch.cat([batch.labels, batch.labels[batch.half]])) + consistency


def mixup_loss(batch: Batch) -> Tensor:
    """Return the loss of MixUp with Beta(0.2, 0.2) in half of the steps, and the plain loss in the others."""
    if batch.uniform() < 0.5:
        return plain_loss(batch)
    share = float(batch.numpy_generator().beta(0.2, 0.2))
    order = batch.permutation()
    return _mixed_loss(batch, share * batch.images + (1 - share) * batch.images[order], order, share)


def cutmix_loss(batch: Batch) -> Tensor:
    """Return the loss of CutMix with Beta(1, 1) in half of the steps, and the plain loss in the others."""
    if batch.uniform() < 0.5:
        return plain_loss(batch)
    share = float(batch.numpy_generator().beta(1.0, 1.0))
    order = batch.permutation()
    top, bottom, left, right = _random_box(batch, share)
    images = batch.images.clone()
    images[:, :, top:bottom, left:right] = batch.images[order][:, :, top:bottom, left:right]
    return _mixed_loss(batch, images, order, 1 - (bottom - top) * (right - left) / _area(images))


def snapmix_loss(batch: Batch) -> Tensor:
    """Return the loss of SnapMix with Beta(5, 5) in half of the steps, and the plain loss in the others.

    SnapMix (Huang et al. 2021) resizes a box of another image into a box of the image. Each label's weight is the share
    of its image's class activation map that remains visible.
    """
    if batch.uniform() < 0.5:
        return plain_loss(batch)
    numbers, order = batch.numpy_generator(), batch.permutation()
    maps = batch.maps(torch.arange(len(batch.images), device=batch.images.device), "cam")
    maps = maps / maps.sum((1, 2), keepdim=True).clamp(min=1e-8)
    target, source = (_random_box(batch, float(numbers.beta(5, 5))) for _ in range(2))
    if min(*_size(target), *_size(source)) < 2:
        return plain_loss(batch)
    images = batch.images.clone()
    _cut(images, target).copy_(_resized(_cut(batch.images[order], source), _size(target)))
    own, other = 1 - _cut(maps, target).sum((1, 2)), _cut(maps[order], source).sum((1, 2))
    is_same = batch.labels == batch.labels[order]
    own, other = torch.where(is_same, own + other, own), torch.where(is_same, own + other, other)
    logits = batch.model(images)
    loss = F.cross_entropy(logits, batch.labels, reduction="none") * own
    return (loss + F.cross_entropy(logits, batch.labels[order], reduction="none") * other).mean()


def crop_loss(batch: Batch, prefer: Callable[[Tensor], Tensor] | None = None, tries: int = 10) -> Tensor:
    """Return the cross entropy with random crops of half of the images, resized to the images' size.

    Args:
        batch: The batch.
        prefer: Score of crops by the share of Grad-CAM's map inside them. The first crop that scores at least 0.5 is
            taken, or else the one with the highest score. None takes the first crop.
        tries: Number of crops to choose from.
    """
    maps = batch.maps(batch.half) if prefer else None
    crops = []
    for number, index in enumerate(batch.half):
        boxes = [_random_crop_box(batch) for _ in range(tries if prefer else 1)]
        best = 0 if prefer is None or maps is None else _first_good(prefer(_shares(maps[number], boxes)))
        crops.append(_resized(_cut(batch.images[index][None], boxes[best]), batch.images.shape[2:]))
    images = batch.images.index_copy(0, batch.half, torch.cat(crops))
    return F.cross_entropy(batch.model(images), batch.labels)


def salient_region(batch: Batch, chosen: Tensor, area: float = 0.2, explainer: str = "grad-cam") -> Tensor:
    """Return the most salient pixels of each image, ``area`` of all."""
    return _top(batch.maps(chosen, explainer), area)


def shuffled_region(batch: Batch, chosen: Tensor, area: float = 0.2) -> Tensor:
    """Return the most salient pixels of another image."""
    return _top(batch.maps(chosen).roll(1, 0), area)


def unsalient_region(batch: Batch, chosen: Tensor) -> Tensor:
    """Return the pixels below the mean of each image's map."""
    maps = batch.maps(chosen)
    return maps < maps.mean((1, 2), keepdim=True)


def random_region(batch: Batch, chosen: Tensor, area: float = 0.2) -> Tensor:
    """Return a random rectangle of each image with an aspect ratio between 1 : 2 and 2 : 1."""
    height, width = batch.images.shape[2:]
    masks = torch.zeros(len(chosen), height, width, dtype=torch.bool)
    for mask in masks:
        ratio = math.exp(batch.uniform(math.log(0.5), math.log(2)))
        rows = min(height, round(math.sqrt(area * height * width * ratio)))
        columns = min(width, round(math.sqrt(area * height * width / ratio)))
        top, left = batch.integer(height - rows + 1), batch.integer(width - columns + 1)
        mask[top : top + rows, left : left + columns] = True
    return masks.to(batch.images.device)


def mean_fill(images: Tensor) -> Tensor:
    """Return the mean colour of each image."""
    return images.mean((2, 3), keepdim=True).expand_as(images)


hide = partial(hidden_loss, region=salient_region, fill=mean_fill)
ARMS: Mapping[str, Callable[[Batch], Tensor]] = {
    "none": plain_loss,
    "none-long": plain_loss,
    "hide": hide,
    "hide-0.1": partial(hide, region=partial(salient_region, area=0.1)),
    "hide-0.35": partial(hide, region=partial(salient_region, area=0.35)),
    "hide-blur": partial(hide, fill=gaussian_blur),
    "hide-cam": partial(hide, region=partial(salient_region, explainer="cam")),
    "hide-group-cam": partial(hide, region=partial(salient_region, explainer="group-cam")),
    "shuffled-maps": partial(hide, region=shuffled_region),
    "random-patch": partial(hide, region=random_region),
    "random-patch-blur": partial(hide, region=random_region, fill=gaussian_blur),
    "paired": partial(paired_loss, region=salient_region, fill=mean_fill),
    "paired-random": partial(paired_loss, region=random_region, fill=mean_fill),
    "keep": partial(hidden_loss, region=unsalient_region, fill=gaussian_blur, whole_batch=True),
    "mixup": mixup_loss,
    "cutmix": cutmix_loss,
    "snapmix": snapmix_loss,
    "random-crop": crop_loss,
    "salient-crop": partial(crop_loss, prefer=lambda shares: shares),
    "avoid-crop": partial(crop_loss, prefer=lambda shares: 1 - shares),
}
CONTROLS = {
    "hide": "random-patch",
    "hide-blur": "random-patch-blur",
    "hide-cam": "random-patch",
    "hide-group-cam": "random-patch",
    "shuffled-maps": "random-patch",
    "paired": "paired-random",
    "salient-crop": "random-crop",
    "avoid-crop": "random-crop",
}
"""Arms and their controls, which differ in nothing but the use of the maps."""


def _hidden(batch: Batch, chosen: Tensor, region: Region, fill: Fill) -> Tensor:
    images = batch.images[chosen]
    return torch.where(region(batch, chosen)[:, None], fill(images), images)


def _top(maps: Tensor, area: float) -> Tensor:
    values = maps.flatten(1)
    indices = values.topk(max(1, round(area * values.shape[1])), dim=1).indices
    return torch.zeros_like(values, dtype=torch.bool).scatter_(1, indices, True).view_as(maps)


def _mixed_loss(batch: Batch, images: Tensor, order: Tensor, share: float) -> Tensor:
    logits = batch.model(images)
    own, other = F.cross_entropy(logits, batch.labels), F.cross_entropy(logits, batch.labels[order])
    return share * own + (1 - share) * other


def _random_box(batch: Batch, share: float) -> Box:
    """Draw CutMix's box: ``1 - share`` of the image around a random centre, cut off at the border."""
    side = batch.images.shape[-1]
    half = int(side * math.sqrt(1 - share)) // 2
    y, x = batch.integer(side), batch.integer(side)
    return max(y - half, 0), min(y + half, side), max(x - half, 0), min(x + half, side)


def _random_crop_box(batch: Batch) -> Box:
    """Draw a square of 30 to 100 % of the image."""
    side = batch.images.shape[-1]
    length = max(16, int(side * math.sqrt(batch.uniform(0.3, 1.0))))
    top, left = batch.integer(side - length + 1), batch.integer(side - length + 1)
    return top, top + length, left, left + length


def _shares(heatmap: Tensor, boxes: list[Box]) -> Tensor:
    return torch.stack([_cut(heatmap, box).sum() for box in boxes]) / heatmap.sum().clamp(min=1e-8)


def _first_good(scores: Tensor) -> int:
    is_good = scores >= 0.5
    return int(is_good.float().argmax() if is_good.any() else scores.argmax())


def _cut(images: Tensor, box: Box) -> Tensor:
    top, bottom, left, right = box
    return images[..., top:bottom, left:right]


def _size(box: Box) -> tuple[int, int]:
    return box[1] - box[0], box[3] - box[2]


def _area(images: Tensor) -> int:
    return images.shape[-2] * images.shape[-1]


def _resized(images: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    return F.interpolate(images, tuple(size), mode="bilinear", align_corners=False)
