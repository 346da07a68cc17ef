"""Choice of the probe images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from camaug.augmentation.batch import AmbiguousLabelsError
from camaug.utils.own_generators import preserved_own_generators
from camaug.utils.preserved_random_state import preserved_random_state

from .choose_indices import choose_indices
from .load_batches import has_items, load_items, load_masks, stream_batches
from .probes import Probes
from .read_batch import ReadBatch, read_batch

__all__ = ["choose_probes"]

STREAM_BATCHES = 1000  # after so many batches without an image a stream is given up


def choose_probes(
    loader: Any,
    count: int,
    *,
    exactly: bool = True,
    read: Callable[[Any], ReadBatch] = read_batch,
    warn: Callable[[str], None] = lambda message: None,
) -> Probes:
    """Choose images of a loader, deterministically.

    The images are spread over the classes if the data set has ``targets``, else evenly over the data set. A stream
    yields its first images. A data set with a method ``object_mask(index)`` adds masks.

    Args:
        loader: A data loader.
        count: Number of images.
        exactly: Whether to warn if the data set is smaller. All of its images are taken then.
        read: Function that moves a collated batch as the Trainer does, and finds images and labels.
        warn: Function that gets a sentence about images that are left out or missing.

    Raises:
        ValueError: If the data set is empty, or ``object_mask`` does not return a boolean mask (H, W).
    """
    # Random transforms draw the same numbers in every run, and the random state of the training run stays untouched.
    with preserved_random_state(seed=0), preserved_own_generators(getattr(loader, "dataset", None)):
        collected = _Collected(read)
        if has_items(loader):
            available = _collect_items(collected, loader, count)
        else:
            available = _collect_stream(collected, loader, count)
        masks = load_masks(loader, collected.indices) if has_items(loader) else None
    if not collected.indices:
        raise collected.errors[0] if collected.errors else ValueError("the data set has no image")
    if exactly and count > available:
        warn(f"{count} probe images were asked for (num_images=), and all {available} that there are are explained")
    if collected.left_out:
        warn(f"{'; '.join(collected.left_out)}. The other {len(collected.indices)} images are explained")
    masks = None if masks is None else _checked_masks(loader.dataset, masks, collected.indices)
    batches = collected.batches
    return Probes(
        batches=[batch.images for batch in batches],
        indices=collected.indices,
        raw_labels=[batch.labels for batch in batches],
        masks=masks,
        integer_dtype=batches[0].integer_dtype,
    )


@dataclass
class _Collected:
    """Batches that could be read, and the reasons for the images that could not."""

    read: Callable[[Any], ReadBatch]
    batches: list[ReadBatch] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, batch: Any, indices: Sequence[int]) -> None:
        """Read a batch and keep its images, with their indices, except those with values that are not finite.

        Raises:
            ValueError: If the batch has another number of images, or images of another size than the first batch.
        """
        found = self.read(batch)
        if len(found.images) != len(indices):
            raise ValueError(f"{len(indices)} items became {len(found.images)} images")
        if self.batches and found.images.shape[1:] != self.batches[0].images.shape[1:]:
            sizes = [tuple(images.shape[1:]) for images in (found.images, self.batches[0].images)]
            raise ValueError(f"its size is {sizes[0]}, and that of the first image {sizes[1]}")
        self.keep_finite(_on_cpu(found, len(indices)), indices)

    def keep_finite(self, batch: ReadBatch, indices: Sequence[int]) -> None:
        """Keep the images of a batch on the CPU, except those with values that are not finite."""
        is_finite = batch.images.isfinite().flatten(1).all(dim=1)
        for index, is_usable in zip(indices, is_finite.tolist(), strict=True):
            if is_usable:
                self.indices.append(index)
            else:
                self.leave_out(index, ValueError("it has values that are NaN or infinite"))
        if is_finite.all():
            self.batches.append(batch)
        elif is_finite.any():
            labels = None if batch.labels is None else batch.labels[is_finite]
            self.batches.append(batch._replace(images=batch.images[is_finite], labels=labels))

    def leave_out(self, index: int, error: Exception) -> None:
        """Keep the reason why an image is left out."""
        last_line = (str(error).strip().splitlines() or [""])[-1]  # of a worker's traceback
        self.errors.append(error)
        self.left_out.append(f"image {index} is left out ({type(error).__name__}: {last_line})")


def _collect_items(collected: _Collected, loader: Any, count: int) -> int:
    """Collect items of a data set, and return how many it has."""
    dataset = loader.dataset
    _check_available(len(dataset))
    items: list[tuple[int, Any]] = []
    for index, item in load_items(loader, choose_indices(dataset, min(count, len(dataset)))):
        if isinstance(item, Exception) or item is None:  # None is an item that the user's collate function drops
            collected.leave_out(index, item or ValueError("the data set returns None"))
        else:
            items.append((index, item))
    size = getattr(loader.batch_sampler, "batch_size", None) or loader.batch_size or len(items) or 1
    for start in range(0, len(items), size):
        part = items[start : start + size]
        try:
            collected.add(loader.collate_fn([item for _, item in part]), [index for index, _ in part])
        except AmbiguousLabelsError:  # which a single item may hide by chance
            raise
        except Exception as error:
            _collect_singly(collected, loader, part, error)
    return len(dataset)


def _collect_singly(collected: _Collected, loader: Any, items: Sequence[tuple[int, Any]], error: Exception) -> None:
    """Add the items of a batch one by one, because the batch as a whole could not be read."""
    kept = len(collected.batches)
    for index, item in items:
        try:
            collected.add(loader.collate_fn([item]), [index])
        except Exception as own:
            collected.leave_out(index, own)
    if not collected.batches:
        raise error
    collected.batches[kept:] = _joined(collected.batches[kept:])


def _joined(batches: Sequence[ReadBatch]) -> list[ReadBatch]:
    """Join batches of one image each, if their labels have one shape."""
    labels = [batch.labels for batch in batches if batch.labels is not None]
    if len(labels) not in (0, len(batches)) or len({tensor.shape[1:] for tensor in labels}) > 1 or not batches:
        return list(batches)
    images = torch.cat([batch.images for batch in batches])
    return [ReadBatch(images, torch.cat(labels) if labels else None, batches[0].integer_dtype)]


def _collect_stream(collected: _Collected, loader: Any, count: int) -> int:
    """Collect the first images of a stream that have one size, and return how many there were."""
    seen = 0
    for number, batch in enumerate(stream_batches(loader)):
        missing = count - len(collected.indices) - len(collected.left_out)
        if missing <= 0 or number >= STREAM_BATCHES:
            break
        if batch is None:
            continue
        found = collected.read(batch)
        if not collected.batches or found.images.shape[1:] == collected.batches[0].images.shape[1:]:
            taken = min(missing, len(found.images))
            collected.keep_finite(_on_cpu(found, taken), range(seen, seen + taken))
        seen += len(found.images)
    _check_available(seen)
    return len(collected.indices) + len(collected.left_out)


def _on_cpu(batch: ReadBatch, count: int) -> ReadBatch:
    """Return the first images of a batch with their labels, copied to the CPU."""
    labels = batch.labels if batch.labels is None else batch.labels[:count].detach().cpu().clone()
    return batch._replace(images=batch.images[:count].detach().cpu().clone(), labels=labels)


def _check_available(available: int) -> None:
    if available == 0:
        raise ValueError("the data set yields no images: give it some, or leave out the validation data")


def _checked_masks(dataset: Any, masks: Sequence[Any], indices: Sequence[int]) -> list[Tensor]:
    for index, mask in zip(indices, masks, strict=True):
        if isinstance(mask, Exception):
            raise mask
        if not isinstance(mask, Tensor) or mask.dim() != 2 or mask.dtype != torch.bool:
            given = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
            raise ValueError(
                f"{type(dataset).__name__}.object_mask({index}) must return a boolean tensor (H, W) of the transformed "
                f"image's size, all False if there is no object, got {given}"
            )
    return list(masks)
