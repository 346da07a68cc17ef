"""Queries: forward passes of masked images, in chunks that fit memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from camaug.features import image_size
from camaug.masking import blend, upsample

T = TypeVar("T")

__all__ = ["check_chunk_size", "in_chunks", "masked_scores"]

SMALLEST_DEFAULT_CHUNK = 32


def masked_scores(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    baseline: Tensor,
    masks: Tensor,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """The score of each image where it is shown through each of its masks.

    Masks are enlarged and images masked a chunk at a time, so memory is that of one chunk, however many masks there
    are. A chunk that does not fit the device's memory is halved, down to one image.

    Args:
        score: Scores (M,) of images (M, C, H, W), of which the second argument (M,) says from which of the N they
            were made: :meth:`~camaug.explainers.Evidence.score` or ``confidence``.
        images: (N, C, H, W).
        baseline: What is shown where a mask is 0, (N, C, H, W).
        masks: Masks in [0, 1] of any size, (N, G, u, v).
        chunk_size: Images in one forward pass; by default as many as were explained, and at least 32.

    Returns:
        Scores (N, G).
    """
    count, groups = masks.shape[:2]
    masks = masks.flatten(0, 1)
    owner = torch.arange(count, device=images.device).repeat_interleave(groups)
    size = image_size(images)

    def query(part: slice) -> Tensor:
        mask = upsample(masks[part, None], size)[:, 0]
        return score(blend(images[owner[part]], baseline[owner[part]], mask), owner[part])

    chunks = in_chunks(query, count * groups, chunk_size or max(count, SMALLEST_DEFAULT_CHUNK))
    return torch.cat(list(chunks)).reshape(count, groups)


def in_chunks(query: Callable[[slice], T], count: int, chunk_size: int) -> Iterator[T]:
    """Ask for the parts of something, as large as memory allows.

    A part that does not fit the device's memory is halved, down to one, and those after it are no larger.

    Args:
        query: Does the work of one part.
        count: How many there are in all.
        chunk_size: How many make a part at first.

    Yields:
        What ``query`` returns, in order.

    Example:
        >>> list(in_chunks(lambda part: (part.start, part.stop), count=5, chunk_size=2))
        [(0, 2), (2, 4), (4, 5)]
    """
    done = 0
    while done < count:
        part = slice(done, min(done + chunk_size, count))
        try:
            result = query(part)
        except torch.OutOfMemoryError:
            if chunk_size == 1:
                raise
            chunk_size //= 2
            continue
        yield result
        done = part.stop


def check_chunk_size(chunk_size: int | None) -> None:
    """Refuse chunks of no images."""
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"`chunk_size` must be at least 1 image, or None, got {chunk_size}")
