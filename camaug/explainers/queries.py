"""Queries: forward passes of masked images in chunks that fit into memory."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from camaug.functional.masks import blend, resize, upsample
from camaug.inspection.feature_maps import image_size
from camaug.utils.out_of_memory import is_out_of_memory

T = TypeVar("T")

__all__ = ["check_chunk_size", "default_chunk_size", "distinct", "in_chunks", "masked_scores", "query_in_chunks"]

PIXELS_ON_CPU = 8 * 224 * 224  # the layers' outputs for this many pixels fit into the processor's caches
SMALLEST_CHUNK_ON_CPU, LARGEST_CHUNK_ON_CPU = 8, 256
SMALLEST_CHUNK_ELSEWHERE = 64

# The chunk sizes that fitted after larger ones had not, by model, kind of query and shape of the images.
_fitting: weakref.WeakKeyDictionary[nn.Module, dict[tuple[object, ...], int]] = weakref.WeakKeyDictionary()


def masked_scores(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    baseline: Tensor,
    masks: Tensor,
    *,
    model: nn.Module,
    chunk_size: int | None = None,
    scale: float = 1.0,
) -> Tensor:
    """Compute the score of each image seen through each of its masks.

    Masks are enlarged and images masked one chunk at a time, so memory does not grow with the number of masks
    (:func:`query_in_chunks`). On a CPU equal masks of an image, such as the empty ones, share one query. On other
    devices finding them would take longer, and would change the number of queries from batch to batch.

    Args:
        score: Function from images (M, C, H, W) and the index (M,) of the image that each was made from to scores
            (M,): :meth:`~camaug.explainers.Evidence.score` or ``confidence``.
        images: (N, C, H, W).
        baseline: Image that shows where a mask is 0, (N, C, H, W).
        masks: Masks in [0, 1] of any size, (N, G, u, v).
        model: The model that is queried.
        chunk_size: Images per forward pass; :func:`default_chunk_size` by default.
        scale: Size of the masked images relative to the images; 1 keeps it.

    Returns:
        Scores (N, G).
    """
    masks, owner, index = distinct(masks)
    if scale != 1:
        images, baseline = resize(images, scale), resize(baseline, scale)
    size = image_size(images)

    def query(chunk: slice) -> Tensor:
        mask = upsample(masks[chunk, None], size)[:, 0]
        return score(blend(images[owner[chunk]], baseline[owner[chunk]], mask), owner[chunk])

    return query_in_chunks(query, len(masks), chunk_size or default_chunk_size(images), model, images)[index]


def default_chunk_size(images: Tensor) -> int:
    """Return the number of images per forward pass in queries about images (N, C, H, W).

    On a CPU it is 8 for images of 224 pixels and larger, and up to 256 for smaller ones. On other devices it is the
    number of explained images, which are known to fit, and at least 64.

    Example:
        >>> [default_chunk_size(torch.zeros(1, 3, side, side)) for side in (448, 224, 112)]
        [8, 8, 32]
    """
    if images.device.type != "cpu":
        return max(len(images), SMALLEST_CHUNK_ELSEWHERE)
    height, width = image_size(images)
    return min(max(SMALLEST_CHUNK_ON_CPU, PIXELS_ON_CPU // (height * width)), LARGEST_CHUNK_ON_CPU)


def distinct(masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the distinct masks of each image on a CPU, or take all masks on an accelerator.

    On an accelerator the host would wait for the number of distinct masks, which changes from batch to batch.

    Args:
        masks: (N, G, u, v).

    Returns:
        The M distinct masks, (M, u, v); the image of each, (M,); and the index of each mask among them, (N, G).

    Example:
        >>> masks = torch.tensor([[0.0, 1.0, 0.0], [2.0, 2.0, 0.0]]).view(2, 3, 1, 1)
        >>> unique, owner, index = distinct(masks)
        >>> unique.flatten(), owner
        (tensor([0., 1., 0., 2.]), tensor([0, 0, 1, 1]))
        >>> torch.equal(unique[index], masks)
        True
    """
    count, groups = masks.shape[:2]
    if masks.device.type != "cpu":
        index = torch.arange(count * groups, device=masks.device)
        return masks.flatten(0, 1), index // groups, index.view(count, groups)
    owner = torch.arange(count, device=masks.device).repeat_interleave(groups)
    rows = torch.cat([owner[:, None].to(masks.dtype), masks.reshape(count * groups, -1)], dim=1)
    rows, index = torch.unique(rows, dim=0, return_inverse=True)
    return rows[:, 1:].reshape(-1, *masks.shape[2:]), rows[:, 0].long(), index.view(count, groups)


def query_in_chunks(
    query: Callable[[slice], Tensor], count: int, chunk_size: int, model: nn.Module, images: Tensor
) -> Tensor:
    """Compute the results of a query about ``count`` items, in chunks that fit into the device's memory.

    A chunk that does not fit is halved, down to one item. The size that fitted is remembered for the model and the
    shape of the images. On an accelerator all chunks have the same size, for which its libraries tune: the last one
    begins among the items of the one before it.

    Args:
        query: Function that computes the results (M, ...) of a slice of M items.
        count: Number of items.
        chunk_size: Number of items in a chunk.
        model: The model that is queried.
        images: The images that it is queried about, (N, C, H, W).
    """
    is_accelerated = images.device.type != "cpu"
    if is_accelerated:
        chunk_size = math.ceil(count / math.ceil(count / chunk_size))
    sizes, key = _fitting.setdefault(model, {}), ("queries", tuple(images.shape[1:]))
    return torch.cat(list(in_chunks(query, count, chunk_size, sizes=sizes, key=key, overlapping=is_accelerated)))


def in_chunks(
    query: Callable[[slice], T],
    count: int,
    chunk_size: int,
    *,
    sizes: dict[tuple[object, ...], int] | None = None,
    key: tuple[object, ...] = (),
    overlapping: bool = False,
) -> Iterator[T]:
    """Yield the results of a query about ``count`` items, one chunk after another.

    A chunk that does not fit into the device's memory is halved, down to one item; later chunks are no larger.

    Args:
        query: Function that computes the result of a slice of the items.
        count: Number of items.
        chunk_size: Number of items in the first chunk.
        sizes: The chunk sizes that fitted in earlier calls, which gets this call's; None to remember nothing.
        key: This call's key among them.
        overlapping: True to begin a last chunk that would be smaller among the items before it. The results must be
            sequences then, of which those that were known are cut off.

    Yields:
        The results of ``query``, in order.

    Example:
        >>> list(in_chunks(lambda chunk: (chunk.start, chunk.stop), count=5, chunk_size=2))
        [(0, 2), (2, 4), (4, 5)]
        >>> list(in_chunks(lambda chunk: list(range(5))[chunk], count=5, chunk_size=2, overlapping=True))
        [[0, 1], [2, 3], [4]]
    """
    sizes = {} if sizes is None else sizes
    chunk_size = min(chunk_size, sizes.get(key, chunk_size))
    done, failed = 0, False
    while done < count:
        stop = min(done + chunk_size, count)
        start = max(0, min(done, stop - chunk_size)) if overlapping else done
        try:
            result = query(slice(start, stop))
        except RuntimeError as error:
            if chunk_size == 1 or not is_out_of_memory(error):
                raise
            chunk_size, failed = chunk_size // 2, True
            continue
        if failed:
            sizes[key], failed = chunk_size, False
        yield result if start == done else result[done - start :]  # type: ignore[index]
        done = stop


def check_chunk_size(chunk_size: int | None) -> None:
    """Raise a ValueError if a chunk would hold no image."""
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"`chunk_size` must be at least 1 image, or None, got {chunk_size}")
