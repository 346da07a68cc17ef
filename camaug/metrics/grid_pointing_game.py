"""Grid pointing game: localisation without annotation, on mosaics of images of different classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from camaug.explainers import Explainer
from camaug.metrics.checks import check_finite
from camaug.metrics.energy_in_mask import energy_in_mask
from camaug.metrics.mean_over_images import MeanOverImages
from camaug.utils.check_types import check_types
from camaug.utils.copied_to import copied_to

__all__ = ["GridPointingGame", "choose_mosaics", "energy_in_cell", "mosaic", "mosaic_maps"]


def choose_mosaics(
    confidences: Tensor, labels: Tensor, n: int = 2, *, threshold: float = 0.5, seed: int = 0
) -> list[list[int]]:
    """Choose confidently classified images of different classes for each mosaic.

    Every image is used once at most. Images that do not fill another mosaic are left out.

    Args:
        confidences: The model's confidence in each image's own class, (N,).
        labels: The classes, (N,).
        n: Rows and columns of a mosaic.
        threshold: Confidence from which an image may be used.
        seed: Seed of the choice.

    Returns:
        Lists of n * n indices.

    Raises:
        ValueError: If the lengths differ, or there are not enough classes with confidently classified images for one
            mosaic.

    Example:
        >>> [sorted(chosen) for chosen in choose_mosaics(torch.ones(4), torch.tensor([0, 1, 2, 3]))]
        [[0, 1, 2, 3]]
    """
    if confidences.shape != labels.shape or labels.dim() != 1:
        raise ValueError(
            f"`confidences` and `labels` must both be (N,), got {tuple(confidences.shape)} and {tuple(labels.shape)}"
        )
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed), device="cpu").tolist()
    by_class: dict[int, list[int]] = {}
    for index in order:
        if float(confidences[index]) >= threshold:
            by_class.setdefault(int(labels[index]), []).append(index)
    mosaics = []
    while len(by_class) >= n * n:
        # Taking the classes with most images left fills as many mosaics as possible.
        largest = sorted(by_class, key=lambda label: len(by_class[label]), reverse=True)[: n * n]
        mosaics.append([by_class[label].pop() for label in largest])
        by_class = {label: left for label, left in by_class.items() if left}
    if not mosaics:
        confident = int((confidences >= threshold).sum())
        raise ValueError(
            f"a mosaic of {n} × {n} needs images of {n * n} classes with a confidence of at least {threshold}, "
            f"and {confident} of {len(labels)} images, of {len(by_class)} classes, have it: lower the threshold "
            "or add images"
        )
    return mosaics


def mosaic(images: Tensor, n: int, *, keep_size: bool = False) -> Tensor:
    """Arrange n * n images (n * n, C, H, W) in rows.

    Args:
        images: (n * n, C, H, W).
        n: Rows and columns of the mosaic.
        keep_size: Shrink the mosaic to the size of an image, for models of one input size.

    Returns:
        (C, n * H, n * W), or (C, H, W).

    Example:
        >>> mosaic(torch.arange(4.0).view(4, 1, 1, 1), n=2)
        tensor([[[0., 1.],
                 [2., 3.]]])
    """
    count, channels, height, width = images.shape
    if count != n * n:
        raise ValueError(f"a mosaic of {n} × {n} takes {n * n} images, got {count}")
    cells = images.view(n, n, channels, height, width).permute(2, 0, 3, 1, 4)
    arranged = cells.reshape(channels, n * height, n * width)
    if not keep_size:
        return arranged
    return F.interpolate(arranged[None], size=(height, width), mode="bilinear", antialias=True)[0]


def mosaic_maps(
    explainer: Explainer,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mosaics: Sequence[Sequence[int]],
    *,
    n: int = 2,
    keep_size: bool = False,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Explain every mosaic for the class of each of its images.

    Args:
        explainer: The method.
        model: The classifier; its state is left unchanged.
        images: (N, C, H, W).
        labels: The images' classes, (N,).
        mosaics: Lists of n * n indices, from :func:`choose_mosaics`.
        n: Rows and columns of a mosaic.
        keep_size: Shrink mosaics to the size of an image.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.

    Returns:
        Maps (M, H, W), n * n for each mosaic, and the cell of each map's class, (M,).
    """
    tiled = torch.stack(
        [mosaic(torch.stack([images[i] for i in chosen]), n, keep_size=keep_size) for chosen in mosaics]
    )
    targets = labels[copied_to(torch.tensor(mosaics, device="cpu").flatten(), labels.device)]
    maps = explainer(model, tiled.repeat_interleave(n * n, dim=0), targets, forward=forward).maps
    return maps, torch.arange(n * n, device=maps.device).repeat(len(mosaics))


def energy_in_cell(maps: Tensor, cells: Tensor, n: int) -> Tensor:
    """Compute the share of each map's positive energy that lies in one cell of its mosaic.

    Böhle, Fritz, Schiele 2021, Convolutional Dynamic Alignment Networks (arXiv 2104.00032), section 4.2. The share of
    an empty map is 0; a uniform map gets one over the number of cells.

    Args:
        maps: Maps of mosaics, (N, H, W).
        cells: Index of each map's cell, row by row, (N,).
        n: Rows and columns of cells.

    Returns:
        (N,), in [0, 1].

    Example:
        >>> energy_in_cell(torch.tensor([[[1.0, 3.0], [0.0, 0.0]]]), torch.tensor([1]), n=2)
        tensor([0.7500])
    """
    height, width = maps.shape[1:]
    rows = torch.arange(height, device=maps.device)[:, None] * n // height
    columns = torch.arange(width, device=maps.device) * n // width
    inside = (rows * n + columns)[None] == cells[:, None, None].to(maps.device)
    return energy_in_mask(maps.clamp(min=0), inside)


class GridPointingGame(MeanOverImages):
    """Mean share of the maps' positive energy in the cell of the explained class.

    Böhle, Fritz, Schiele 2021 (arXiv 2104.00032), section 4.2. ``compute`` returns ``localisation``, that mean,
    and ``chance``, one over the number of cells.

    Args:
        n: Rows and columns of cells.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Raises:
        ValueError: If ``n`` is below 2.

    Example:
        >>> metric = GridPointingGame(n=2)
        >>> metric.update(torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]), torch.tensor([1]))
        >>> metric.compute()
        {'localisation': tensor(1.), 'chance': tensor(0.2500)}
    """

    values = ("localisation",)

    def __init__(self, n: int = 2, **kwargs: Any) -> None:
        check_types(GridPointingGame.__init__, locals())
        super().__init__(**kwargs)
        if n < 2:
            raise ValueError(f"`n` must be at least 2 rows and columns, got {n}")
        self.n = n

    def update(self, maps: Tensor, cells: Tensor) -> None:
        """Add maps of mosaics (N, H, W) and the cell of each map's class, row by row, (N,).

        Raises:
            ValueError: If the shapes do not match, or there is no such cell.
        """
        if maps.dim() != 3 or not isinstance(cells, Tensor) or cells.is_floating_point() or cells.shape != (len(maps),):
            given = f"{cells.dtype} {tuple(cells.shape)}" if isinstance(cells, Tensor) else type(cells).__name__
            raise ValueError(f"expected maps (N, H, W) and integer cells (N,), got {tuple(maps.shape)} and {given}")
        check_finite(maps)
        if ((cells < 0) | (cells >= self.n**2)).any():
            raise ValueError(f"cells must be between 0 and {self.n**2 - 1}, got {cells.tolist()}")
        self.add(localisation=energy_in_cell(maps, cells, self.n))

    def compute(self) -> dict[str, Tensor]:
        """Compute the mean over all maps, and chance.

        Raises:
            ValueError: If there were no maps.
        """
        means = super().compute()
        return {**means, "chance": torch.full_like(next(iter(means.values())), 1 / self.n**2)}
