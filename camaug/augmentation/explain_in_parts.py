"""Explanation of a batch in parts that fit into the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F

from camaug.explainers import Explanation
from camaug.explainers.queries import in_chunks

__all__ = ["explain_in_parts", "joined"]


def explain_in_parts(
    explain: Callable[[slice], Explanation], count: int, sizes: dict[tuple[object, ...], int], key: tuple[object, ...]
) -> Explanation:
    """Explain a batch at once, or in halves, quarters, … where that does not fit into the device's memory.

    Args:
        explain: Function from a slice of the images to their explanation.
        count: Number of images.
        sizes: The numbers of images that fitted in earlier calls, which gets this call's.
        key: This call's key among them, such as the images' shape.

    Raises:
        torch.OutOfMemoryError: If not even one image fits.
    """
    return joined(list(in_chunks(explain, count, count, sizes=sizes, key=key)))


def joined(parts: Sequence[Explanation]) -> Explanation:
    """Join explanations of parts of a batch, padding the targets of images with fewer labels with -1."""
    first = parts[0]
    if len(parts) == 1:
        return first
    labels = max(part.targets.shape[1] if part.targets.dim() == 2 else 1 for part in parts)
    targets = [part.targets.view(len(part.targets), -1) for part in parts]
    padded = torch.cat([F.pad(each, (0, labels - each.shape[1]), value=-1) for each in targets])
    is_single = all(part.targets.dim() == 1 for part in parts)
    return replace(
        first,
        maps=torch.cat([part.maps for part in parts]),
        logits=torch.cat([part.logits for part in parts]),
        targets=padded[:, 0] if is_single else padded,
    )
