"""Explanation of several classes of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from camaug.explainers import Explanation
from camaug.explainers.queries import in_chunks
from camaug.utils.copied_to import copied_to
from camaug.utils.fetched import fetched

__all__ = ["explain_classes"]

PADDING = -1


def explain_classes(
    explain: Callable[[Tensor, Tensor], Explanation], images: Tensor, classes: Sequence[Sequence[int]]
) -> list[dict[int, Tensor]]:
    """Explain several classes of each image, which share its first forward pass.

    So many images are explained together that they have no more maps than there are images, or one image at a time.

    Args:
        explain: Function from images and targets (N, k), padded with -1, to explanations.
        images: (N, C, H, W).
        classes: Different classes of each image, none to leave an image out.

    Returns:
        The maps (H, W) of each image in the main memory, by class.

    Raises:
        torch.OutOfMemoryError: If not even one image fits.
    """
    maps: list[dict[int, Tensor]] = [{} for _ in classes]
    positions = [position for position, each in enumerate(classes) if each]
    if not positions:
        return maps
    most = max(len(each) for each in classes)
    rows = [[*classes[position], *[PADDING] * (most - len(classes[position]))] for position in positions]
    targets = torch.tensor(rows, device="cpu")
    index = torch.tensor(positions, device="cpu")

    def explain_chunk(chunk: slice) -> Tensor:
        is_target = targets[chunk] != PADDING
        selected = images[copied_to(index[chunk], images.device)]
        explained = explain(selected, copied_to(targets[chunk], images.device)).maps
        (flat,) = fetched(explained[copied_to(is_target, images.device)])
        return flat

    flat = torch.cat(list(in_chunks(explain_chunk, len(positions), max(1, len(images) // most))))
    owners_and_classes = [(position, each) for position in positions for each in classes[position]]
    for (position, each), map_ in zip(owners_and_classes, flat, strict=True):
        maps[position][each] = map_
    return maps
