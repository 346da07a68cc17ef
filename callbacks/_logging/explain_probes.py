"""Explanation of the probe images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from camaug.explainers import Explanation
from camaug.utils.copied_to import copied_to
from camaug.utils.fetched import fetched

from .explain_classes import explain_classes
from .image_display import ImageDisplay
from .label_errors import explained_labels, false_positives
from .probes import Probes
from .snapshot import Snapshot

__all__ = ["explain_probes"]


_Part = tuple[Tensor, slice]


_Explain = Callable[[Tensor, Tensor | None], Explanation]


class _Explained(NamedTuple):
    probabilities: Tensor
    predicted: Tensor
    maps: Tensor
    true_maps: Tensor


class _Batch(NamedTuple):
    images: Tensor
    probabilities: Tensor
    predicted: Tensor
    maps: Tensor
    true_maps: Tensor


def explain_probes(
    probes: Probes,
    explain: _Explain,
    display: ImageDisplay,
    device: torch.device,
    track: Callable[[Sequence[_Part]], Iterable[_Part]] = iter,
) -> Snapshot:
    """Explain the probe images for their predicted classes and, where these are wrong, for their true classes.

    Images whose classes do not exclude each other are explained for the predicted class, for each of their labels (the
    8 most probable of more) and for the most probable false positive.

    Args:
        probes: The probe images.
        explain: Function from images (N, C, H, W) and targets (N,) or (N, k), None for the predicted classes, to
            explanations.
        display: Conversion of the images to RGB.
        device: Device of the model.
        track: Function that yields the batches of images, and may show how many are done.
    """
    batches: list[_Batch] = []
    label_maps: list[dict[int, Tensor]] = []
    explain_batch = _explain_several if probes.has_several else _explain_single
    for batch, part in track(list(zip(probes.batches, probes.slices, strict=True))):
        images = copied_to(batch, device)
        explanation = explain(images, None)
        positives = list(probes.positives[part]) or [()] * len(batch)
        explained, others = explain_batch(explain, images, explanation, positives)
        batches.append(_Batch(display.to_rgb(batch), *explained))
        label_maps += others
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
        has_several=probes.has_several,
        label_maps=label_maps,
        **tensors._asdict(),
    )


def _explain_single(
    explain: _Explain, images: Tensor, explanation: Explanation, positives: Sequence[Sequence[int]]
) -> tuple[_Explained, list[dict[int, Tensor]]]:
    """Explain also the true classes of the images whose predictions are wrong."""
    predicted, true_maps = explanation.targets.cpu(), explanation.maps
    labels = torch.tensor([classes[0] if classes else -1 for classes in positives], device="cpu")
    is_right = torch.tensor([int(p) in classes for p, classes in zip(predicted, positives, strict=True)], device="cpu")
    wrong = (~is_right & (labels >= 0)).nonzero()[:, 0]
    if len(wrong):
        index = copied_to(wrong, images.device)
        true_maps = true_maps.index_copy(0, index, explain(images[index], labels[wrong]).maps)
    probabilities = explanation.logits.float().softmax(dim=1)
    maps, true_maps, probabilities = fetched(explanation.maps, true_maps, probabilities)
    return _Explained(probabilities, predicted, maps, true_maps), []


def _explain_several(
    explain: _Explain, images: Tensor, explanation: Explanation, positives: Sequence[Sequence[int]]
) -> tuple[_Explained, list[dict[int, Tensor]]]:
    """Explain also the labels and the most probable false positive of each image."""
    predicted = explanation.targets.cpu()
    maps, probabilities = fetched(explanation.maps, explanation.logits.float().sigmoid())
    stored = [
        [*explained_labels(labels, row), *false_positives(labels, row)[:1]] if labels else []
        for labels, row in zip(positives, probabilities, strict=True)
    ]
    # The first label is explained even if its map is not stored, because drift compares the maps of one class.
    classes = [
        [each for each in dict.fromkeys([*row, *labels[:1]]) if each != prediction]
        for row, labels, prediction in zip(stored, positives, predicted.tolist(), strict=True)
    ]
    explained = explain_classes(explain, images, classes)
    true_maps = torch.stack(
        [
            found.get(labels[0], map_) if labels else map_
            for map_, found, labels in zip(maps, explained, positives, strict=True)
        ]
    )
    label_maps = [
        {each: map_ for each, map_ in found.items() if each in row}
        for found, row in zip(explained, stored, strict=True)
    ]
    return _Explained(probabilities, predicted, maps, true_maps), label_maps
