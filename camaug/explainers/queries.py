"""Queries: forward passes of masked images, in chunks that fit memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from camaug.features import image_size
from camaug.masking import blend, upsample

__all__ = ["masked_probabilities"]

SMALLEST_DEFAULT_CHUNK = 32


def masked_probabilities(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    baseline: Tensor,
    masks: Tensor,
    targets: Tensor,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """The probability of each image's target where the image is shown through each of its masks.

    Masks are enlarged and images masked a chunk at a time, so memory is that of one chunk, however many masks there
    are. A chunk that does not fit the device's memory is halved, down to one image.

    Args:
        predict: Class probabilities (M, classes) of images (M, C, H, W).
        images: (N, C, H, W).
        baseline: What is shown where a mask is 0, (N, C, H, W).
        masks: Masks in [0, 1] of any size, (N, G, u, v).
        targets: (N,).
        chunk_size: Images in one forward pass; by default as many as were explained, and at least 32.

    Returns:
        Probabilities (N, G).
    """
    count, groups = masks.shape[:2]
    chunk = chunk_size or max(count, SMALLEST_DEFAULT_CHUNK)
    masks = masks.flatten(0, 1)
    owner = torch.arange(count, device=images.device).repeat_interleave(groups)
    size = image_size(images)

    def query(start: int) -> Tensor:
        mask, index = masks[start : start + chunk], owner[start : start + chunk]
        mask = upsample(mask[:, None], size)[:, 0]
        probabilities = predict(blend(images[index], baseline[index], mask))
        return probabilities.gather(1, targets[index, None])[:, 0]

    scores: list[Tensor] = []
    done = 0
    while done < len(masks):
        try:
            scores.append(query(done))
        except torch.OutOfMemoryError:
            if chunk == 1:
                raise
            chunk //= 2
            continue
        done += len(scores[-1])
    return torch.cat(scores).reshape(count, groups)
