"""Queries: forward passes of masked images, in chunks that fit memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from camaug.functional.masks import blend, resize, upsample
from camaug.inspection.feature_maps import image_size

T = TypeVar("T")

__all__ = ["check_chunk_size", "default_chunk_size", "distinct", "in_chunks", "masked_scores"]

PIXELS_ON_CPU = 8 * 224 * 224  # what the layers put out for so many stays in the processor's caches
SMALLEST_CHUNK_ON_CPU, LARGEST_CHUNK_ON_CPU = 8, 256
SMALLEST_CHUNK_ELSEWHERE = 64


def masked_scores(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    baseline: Tensor,
    masks: Tensor,
    *,
    chunk_size: int | None = None,
    scale: float = 1.0,
) -> Tensor:
    """The score of each image where it is shown through each of its masks.

    Masks are enlarged and images masked a chunk at a time, so memory is that of one chunk, however many masks there
    are. A chunk that does not fit the device's memory is halved, down to one image. Of an image's masks that are the
    very same, as all those without evidence are, one is asked about.

    Args:
        score: Scores (M,) of images (M, C, H, W), of which the second argument (M,) says from which of the N they
            were made: :meth:`~camaug.explainers.Evidence.score` or ``confidence``.
        images: (N, C, H, W).
        baseline: What is shown where a mask is 0, (N, C, H, W).
        masks: Masks in [0, 1] of any size, (N, G, u, v).
        chunk_size: Images in one forward pass; by default as :func:`default_chunk_size` says.
        scale: Size of the masked images as a share of the images'; 1 leaves them as they are.

    Returns:
        Scores (N, G).
    """
    masks, owner, place = distinct(masks)
    if scale != 1:
        images, baseline = resize(images, scale), resize(baseline, scale)
    size = image_size(images)

    def query(part: slice) -> Tensor:
        mask = upsample(masks[part, None], size)[:, 0]
        return score(blend(images[owner[part]], baseline[owner[part]], mask), owner[part])

    chunks = in_chunks(query, len(masks), chunk_size or default_chunk_size(images))
    return torch.cat(list(chunks))[place]


def default_chunk_size(images: Tensor) -> int:
    """How many images the queries about (N, C, H, W) make one forward pass of.

    On a CPU 8 of 224 pixels, up to 256 smaller ones and no fewer larger ones. Elsewhere as many as were explained,
    since so many fit, and at least 64.

    Example:
        >>> [default_chunk_size(torch.zeros(1, 3, side, side)) for side in (448, 224, 112)]
        [8, 8, 32]
    """
    if images.device.type != "cpu":
        return max(len(images), SMALLEST_CHUNK_ELSEWHERE)
    height, width = image_size(images)
    return min(max(SMALLEST_CHUNK_ON_CPU, PIXELS_ON_CPU // (height * width)), LARGEST_CHUNK_ON_CPU)


def distinct(masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the masks of each image those that differ.

    Args:
        masks: (N, G, u, v).

    Returns:
        The M masks that differ from the others of their image, (M, u, v); whose they are, (M,); and which of them each
        of all masks is, (N, G).

    Example:
        >>> masks = torch.tensor([[0.0, 1.0, 0.0], [2.0, 2.0, 0.0]]).view(2, 3, 1, 1)
        >>> found, owner, place = distinct(masks)
        >>> found.flatten(), owner
        (tensor([0., 1., 0., 2.]), tensor([0, 0, 1, 1]))
        >>> torch.equal(found[place], masks)
        True
    """
    count, groups = masks.shape[:2]
    owner = torch.arange(count, device=masks.device).repeat_interleave(groups)
    rows = torch.cat([owner[:, None].to(masks.dtype), masks.reshape(count * groups, -1)], dim=1)
    rows, place = torch.unique(rows, dim=0, return_inverse=True)
    return rows[:, 1:].reshape(-1, *masks.shape[2:]), rows[:, 0].long(), place.view(count, groups)


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
        except RuntimeError as error:
            if chunk_size == 1 or not _is_out_of_memory(error):
                raise
            chunk_size //= 2
            continue
        yield result
        done = part.stop


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device's memory is exhausted; of the processor's, PyTorch has no error of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error)


def check_chunk_size(chunk_size: int | None) -> None:
    """Refuse chunks of no images."""
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"`chunk_size` must be at least 1 image, or None, got {chunk_size}")
