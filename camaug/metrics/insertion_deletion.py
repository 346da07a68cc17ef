"""Insertion and deletion: how fast the score comes and goes with the pixels that a map calls important."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from camaug.explainers.queries import default_chunk_size, in_chunks
from camaug.functional.masks import blend, gaussian_blur
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_classes, check_maps, check_target_shape, require_images

__all__ = [
    "InsertionDeletion",
    "Preset",
    "area_under",
    "insertion_deletion_curves",
    "pixel_ranks",
    "score_curves",
    "step_size",
]

Forward = Callable[[Tensor], Tensor]
Preset = Literal["paper", "script"]

_STEPS: dict[str, float] = {"paper": 0.01, "script": 448}


def pixel_ranks(maps: Tensor) -> Tensor:
    """The place of every pixel in the order of falling saliency, 0 being the most salient.

    Pixels of the same value come in an order that is random, but the same in every call: a flat map is then one that
    knows nothing, rather than one that reads the image from its upper left corner.

    Args:
        maps: (N, H, W).

    Returns:
        (N, H, W), int64; each map's values are a permutation of 0 to H W - 1.

    Example:
        >>> pixel_ranks(torch.tensor([[[0.1, 0.9], [0.5, 0.0]]]))
        tensor([[[2, 0],
                 [1, 3]]])
    """
    flat = torch.where(maps.isfinite(), maps, 0).flatten(1)
    shuffled = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0)).to(maps.device)
    order = shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]
    places = torch.arange(flat.shape[1], device=maps.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view(maps.shape)


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
    """The target's softmax probability while one image turns into another, the most salient pixels first.

    Petsiuk et al. 2018, RISE (arXiv 1806.07421), section 4.2. All steps of all images are asked about in chunks.

    Args:
        model: The classifier; it is left as it was.
        images: (N, C, H, W); their number and size say what is asked.
        maps: (N, H, W).
        targets: (N,).
        start: What there is before the first step, (N, C, H, W).
        finish: What there is after the last step, (N, C, H, W).
        step: Pixels that turn in a step: a share of them if below 1, else their number.
        chunk_size: Images in one forward pass; by default as :func:`~camaug.explainers.queries.default_chunk_size`
            says.
        forward: How logits come from images, where ``model(images)`` does not give them.

    Returns:
        (N, steps + 1), in [0, 1].
    """
    count, pixels = len(images), maps[0].numel()
    at_once = max(1, round(step * pixels)) if step < 1 else int(step)
    turned = torch.arange(0, pixels + at_once, at_once, device=images.device).clamp(max=pixels)
    check_target_shape(targets, count)
    ranks = pixel_ranks(maps)
    queries = torch.arange(count * len(turned), device=images.device)

    def query(part: slice) -> Tensor:
        owner, point = queries[part] // len(turned), queries[part] % len(turned)
        masks = ranks[owner] < turned[point, None, None]
        logits = (forward or model)(blend(finish[owner], start[owner], masks))
        check_classes(targets, logits.shape[1])
        return logits.float().softmax(dim=1).gather(1, targets[owner, None])[:, 0]

    chunk = chunk_size or default_chunk_size(images)
    with neutral(unwrap(model)):
        return torch.cat(list(in_chunks(query, len(queries), chunk))).view(count, len(turned))


def area_under(curves: Tensor) -> Tensor:
    """The area under curves (N, M) at equal distances from 0 to 1, by the trapezoidal rule: (N,).

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
    """Each image's insertion and deletion curve; :func:`area_under` gives the figures of the literature.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2. See :class:`InsertionDeletion`, which averages.

    Args:
        model: The classifier; it is left as it was.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: (N,); the predicted classes where None, and by the script's preset.
        preset: ``"paper"`` or ``"script"``.
        step: Pixels that turn in a step, a share if below 1, else their number; None as the preset says.
        chunk_size: Images in one forward pass; by default as :func:`~camaug.explainers.queries.default_chunk_size`
            says.
        forward: How logits come from images, where ``model(images)`` does not give them.

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
        with neutral(unwrap(model)):
            targets = (forward or model)(images).argmax(dim=1)
    blurred = gaussian_blur(images)
    gone = torch.zeros_like(images) if preset == "script" else blurred
    asked: dict[str, Any] = {"step": step_size(preset, step), "chunk_size": chunk_size, "forward": forward}
    inserted = score_curves(model, images, maps, targets, start=blurred, finish=images, **asked)
    return inserted, score_curves(model, images, maps, targets, start=images, finish=gone, **asked)


def step_size(preset: Preset, step: float | None = None) -> float:
    """Pixels that turn in a step, a share if below 1: what is given, or as the preset says.

    Raises:
        ValueError: If the preset is unknown or ``step`` is not positive.
    """
    if preset not in _STEPS:
        raise ValueError(f"`preset` must be 'paper' or 'script', got {preset!r}")
    if step is not None and step <= 0:
        raise ValueError(f"`step` must be a positive share or number of pixels, got {step}")
    return _STEPS[preset] if step is None else step


class InsertionDeletion(Metric):
    """Areas under the insertion and the deletion curve, averaged over images, and their difference.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.2, after RISE (arXiv 1806.07421). Insertion turns
    the highly blurred image into the image, deletion the image into the highly blurred one, in steps of 1 % of the
    pixels by falling saliency; the score is the target's softmax probability. Higher insertion and lower deletion are
    better. An image whose map is flat counts as one whose pixels come in random order.

    ``compute`` gives ``insertion``, ``deletion`` and ``over_all``, their difference.

    Args:
        preset: ``"paper"``, as above; or ``"script"``, as the published script does it: 448 pixels a step, deletion to
            zeros, and the predicted class whatever the target.
        step: Pixels that turn in a step, a share if below 1, else their number; None as the preset says.
        chunk_size: Images in one forward pass; by default as :func:`~camaug.explainers.queries.default_chunk_size`
            says.
        forward: How logits come from images, where ``model(images)`` does not give them.
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

    full_state_update = False
    insertion: Tensor
    deletion: Tensor
    count: Tensor

    def __init__(
        self,
        preset: Preset = "paper",
        *,
        step: float | None = None,
        chunk_size: int | None = None,
        forward: Forward | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.preset = preset
        self.step = step_size(preset, step)
        self.chunk_size = chunk_size
        self.forward_function = forward
        self.add_state("insertion", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("deletion", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None = None) -> None:
        """Add images.

        Args:
            model: The classifier; it is left as it was.
            images: (N, C, H, W).
            maps: (N, H, W).
            targets: (N,); the predicted classes where None, and by the script's preset.

        Raises:
            ValueError: If maps and images do not match.
        """
        check_maps(maps, images)
        if len(images) == 0:
            return
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
        self.insertion += area_under(inserted).sum()
        self.deletion += area_under(deleted).sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        insertion, deletion = self.insertion / self.count, self.deletion / self.count
        return {"insertion": insertion, "deletion": deletion, "over_all": insertion - deletion}
