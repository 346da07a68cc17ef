"""Explanation of the probe images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from camaug.explainers import Explanation
from camaug.utils.copied_to import copied_to
from camaug.utils.fetched import fetched

from .image_display import ImageDisplay
from .probes import Probes
from .snapshot import Snapshot

__all__ = ["explain_probes"]


_Part = tuple[Tensor, slice]


class _Batch(NamedTuple):
    images: Tensor
    probabilities: Tensor
    predicted: Tensor
    maps: Tensor
    true_maps: Tensor


def explain_probes(
    probes: Probes,
    explain: Callable[[Tensor, Tensor | None], Explanation],
    display: ImageDisplay,
    device: torch.device,
    track: Callable[[Sequence[_Part]], Iterable[_Part]] = iter,
) -> Snapshot:
    """Explain the probe images for their predicted classes and, where these are wrong, for their true classes.

    Args:
        probes: The probe images.
        explain: Function from images (N, C, H, W) and targets (N,), None for the predicted classes, to explanations.
        display: Conversion of the images to RGB.
        device: Device of the model.
        track: Function that yields the batches of images, and may show how many are done.
    """
    batches: list[_Batch] = []
    for batch, part in track(list(zip(probes.batches, probes.slices, strict=True))):
        images = copied_to(batch, device)
        labels = torch.tensor([-1 if label is None else label for label in probes.labels[part]], device="cpu")
        explanation = explain(images, None)
        predicted, true_maps = explanation.targets.cpu(), explanation.maps
        positives = probes.positives[part] or [()] * len(batch)
        is_right = torch.tensor(
            [int(p) in classes for p, classes in zip(predicted, positives, strict=True)], device="cpu"
        )
        wrong = (~is_right & (labels >= 0)).nonzero()[:, 0]
        if len(wrong):
            index = copied_to(wrong, device)
            true_maps = true_maps.index_copy(0, index, explain(images[index], labels[wrong]).maps)
        probabilities = _probabilities(explanation.logits.float(), has_several=probes.has_several)
        maps, true_maps, probabilities = fetched(explanation.maps, true_maps, probabilities)
        batches.append(_Batch(display.to_rgb(batch), probabilities, predicted, maps, true_maps))
    tensors = _Batch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
    masks = None if probes.masks is None else torch.stack(list(probes.masks))
    return Snapshot(
        indices=probes.indices,
        labels=probes.labels,
        positives=probes.positives,
        masks=masks,
        layers=explanation.layers,
        grid=explanation.grid,
        bands=display.describe_bands(images.shape[1]),
        **tensors._asdict(),
    )


def _probabilities(logits: Tensor, *, has_several: bool) -> Tensor:
    """Return the probabilities of classes that exclude each other, or of classes of which an image has several."""
    return logits.sigmoid() if has_several else logits.softmax(dim=1)
