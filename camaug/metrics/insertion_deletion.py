"""Insertion and deletion: confidence while the most salient pixels appear or disappear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from camaug.explainers.queries import check_chunk_size, default_chunk_size, query_in_chunks
from camaug.functional.masks import blend, gaussian_blur
from camaug.functional.pixel_ranks import pixel_ranks
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_classes, check_maps, check_target_shape
from camaug.metrics.confidence import predicted_classes, target_probability
from camaug.metrics.mean_over_images import ModelMetric
from camaug.utils.check_types import check_types

__all__ = [
    "InsertionDeletion",
    "Preset",
    "area_under",
    "insertion_deletion_curves",
    "score_curves",
    "step_size",
]

Forward = Callable[[Tensor], Tensor]
Preset = Literal["paper", "script"]

_STEPS: dict[str, float] = {"paper": 0.01, "script": 448}


def score_curves(
    model: nn.Module,
    images: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    start: Tensor,
    finish: Tensor,
    step: float = 0.01,
    chunk_size: int | None = None,
    forward: Forward | None = None,
) -> Tensor:
    """Compute the target's softmax probability while one image turns into another, the most salient pixels first.

    Petsiuk et al. 2018, RISE (arXiv 1806.07421), section 4.2. All steps of all images are computed in chunks.

    Args:
        model: The classifier; its state is left unchanged.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: (N,).
        start: Images before the first step, (N, C, H, W).
        finish: Images after the last step, (N, C, H, W).
        step: Pixels that change in a step: a share if below 1, else their number.
        chunk_size: Images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.

    Returns:
        (N, steps + 1), in [0, 1].
    """
    count, pixels = len(images), maps[0].numel()
    step = max(1, round(step * pixels)) if step < 1 else int(step)
    changed = torch.arange(0, pixels + step, step, device=images.device).clamp(max=pixels)
    check_target_shape(targets, count)
    ranks = pixel_ranks(maps)
    logits_of = LogitsForward(forward or model)
    queries = torch.arange(count * len(changed), device=images.device)

    def query(chunk: slice) -> Tensor:
        owner, point = queries[chunk] // len(changed), queries[chunk] % len(changed)
        masks = ranks[owner] < changed[point, None, None]
        logits = logits_of(blend(finish[owner], start[owner], masks))
        if chunk.start == 0:
            check_classes(targets, logits.shape[1])
        return target_probability(logits, targets[owner])

    size = chunk_size or default_chunk_size(images)
    with neutral(unwrap(model)):
        return query_in_chunks(query, len(queries), size, unwrap(model), finish).view(count, len(changed))


def area_under(curves: Tensor) -> Tensor:
    """Compute the area under curves (N, M) at equal steps from 0 to 1, (N,), by the trapezoidal rule.

    Example:
        >>> area_under(torch.tensor([[0.0, 1.0, 1.0]]))
        tensor([0.7500])
    """
    return (curves.sum(dim=1) - curves[:, 0] / 2 - curves[:, -1] / 2) / (curves.shape[1] - 1)


def insertion_deletion_curves(
    model: nn.Module,
    images: Tensor,
    maps: Tensor,
    targets: Tensor | None = None,
    *,
    preset: Preset = "paper",
    step: float | None = None,
    chunk_size: int | None = None,
    forward: Forward | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute each image's insertion and deletion curve.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2. :func:`area_under` turns curves into the values of
    the literature, which :class:`InsertionDeletion` averages.

    Args:
        model: The classifier; its state is left unchanged.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: The explained classes, (N,); the predicted classes if None or with the preset ``"script"``.
        preset: ``"paper"`` or ``"script"``.
        step: Pixels that change in a step, a share if below 1, else their number; the preset's if None.
        chunk_size: Images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.

    Returns:
        Insertion and deletion, (N, steps + 1) each, in [0, 1].

    Raises:
        ValueError: If the preset is unknown, ``step`` is not positive, or maps and images do not match.

    Example:
        >>> import torchvision
        >>> images, maps = torch.rand(2, 3, 64, 64), torch.rand(2, 64, 64)
        >>> inserted, deleted = insertion_deletion_curves(torchvision.models.resnet18(), images, maps, step=0.25)
        >>> inserted.shape, torch.allclose(inserted[:, -1], deleted[:, 0], atol=1e-5)  # both of the whole image
        (torch.Size([2, 5]), True)
    """
    check_maps(maps, images)
    if targets is None or preset == "script":
        targets = predicted_classes(model, images, forward)
    blurred = gaussian_blur(images)
    deleted = torch.zeros_like(images) if preset == "script" else blurred
    settings: dict[str, Any] = {"step": step_size(preset, step), "chunk_size": chunk_size, "forward": forward}
    inserted = score_curves(model, images, maps, targets, start=blurred, finish=images, **settings)
    return inserted, score_curves(model, images, maps, targets, start=images, finish=deleted, **settings)


def step_size(preset: Preset, step: float | None = None) -> float:
    """Return the pixels that change in a step, a share if below 1, of the preset unless given.

    Raises:
        ValueError: If the preset is unknown or ``step`` is not positive.
    """
    if preset not in _STEPS:
        raise ValueError(f"`preset` must be 'paper' or 'script', got {preset!r}")
    if step is not None and step <= 0:
        raise ValueError(f"`step` must be a positive share or number of pixels, got {step}")
    return _STEPS[preset] if step is None else step


class InsertionDeletion(ModelMetric):
    """Mean areas under the insertion and deletion curves, and their difference.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2, after RISE (arXiv 1806.07421). Insertion turns
    the highly blurred image into the image, deletion the image into the highly blurred one, in steps of 1 % of the
    pixels by falling saliency; the score is the target's softmax probability. Higher insertion and lower deletion are
    better. The pixels of a constant map change in random order.

    ``compute`` returns ``insertion``, ``deletion`` and ``over_all``, their difference.

    Args:
        preset: ``"paper"``, as above; or ``"script"``, as in the published script: 448 pixels a step, deletion to
            zeros, and the predicted class whatever the target.
        step: Pixels that change in a step, a share if below 1, else their number; the preset's if None.
        chunk_size: Images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Raises:
        ValueError: If the preset is unknown or ``step`` is not positive.

    Example:
        >>> import torchvision
        >>> metric, images = InsertionDeletion(step=0.25), torch.rand(2, 3, 64, 64)
        >>> metric.update(torchvision.models.resnet18(), images, torch.rand(2, 64, 64), torch.tensor([0, 7]))
        >>> sorted(metric.compute())
        ['deletion', 'insertion', 'over_all']
    """

    values = ("insertion", "deletion")

    def __init__(
        self,
        preset: Preset = "paper",
        *,
        step: float | None = None,
        chunk_size: int | None = None,
        forward: Forward | None = None,
        **kwargs: Any,
    ) -> None:
        check_types(InsertionDeletion.__init__, locals())
        check_chunk_size(chunk_size)
        super().__init__(forward=forward, **kwargs)
        self.preset = preset
        self.step = step_size(preset, step)
        self.chunk_size = chunk_size

    def measure(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        """Compute the areas under both curves of each image, (N,)."""
        inserted, deleted = insertion_deletion_curves(
            model,
            images,
            maps,
            targets,
            preset=self.preset,
            step=self.step,
            chunk_size=self.chunk_size,
            forward=self.forward_function,
        )
        return {"insertion": area_under(inserted), "deletion": area_under(deleted)}

    def compute(self) -> dict[str, Tensor]:
        """Compute the mean areas over all images, and their difference.

        Raises:
            ValueError: If there were no images.
        """
        means = super().compute()
        return {**means, "over_all": means["insertion"] - means["deletion"]}
