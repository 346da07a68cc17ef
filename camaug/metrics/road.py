"""ROAD: remove and debias, with pixels that are imputed from their neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from camaug.explainers.queries import check_chunk_size, default_chunk_size, in_chunks
from camaug.functional.pixel_ranks import pixel_ranks
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.confidence import confidence, target_probability
from camaug.metrics.mean_over_images import ModelMetric
from camaug.utils.check_types import check_types
from camaug.utils.copied_to import copied_to

__all__ = ["ROAD", "noisy_linear_imputation"]

ITERATIONS_BETWEEN_CHECKS = 32  # on an accelerator
PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90)


def noisy_linear_imputation(
    images: Tensor, masks: Tensor, noise: float = 0.01, *, tolerance: float = 1e-6, seed: int = 0
) -> Tensor:
    """Replace pixels by the weighted mean of their neighbours, with a little noise.

    Rong et al. 2022, A Consistent and Efficient Evaluation Strategy for Attribution Methods (arXiv 2202.00449).
    Direct neighbours weigh 1/6 and diagonal ones 1/12; at the border the weights of the existing ones are divided by
    their sum. Removed neighbours are unknowns themselves, so each image is a sparse linear system, symmetric and
    positive definite, which is solved by conjugate gradients for all images and channels at once.

    Args:
        images: (N, C, H, W).
        masks: Masks of the removed pixels, boolean (N, H, W).
        noise: Standard deviation of the noise, in the images' units.
        tolerance: Largest residual of an equation, relative to the largest pixel. In the slowest case, where most of
            224 × 224 pixels form one hole, the default leaves errors of 1e-4 in normalised images, a hundredth of
            the noise.
        seed: Seed of the noise. The noise is the same for every image, so that it does not depend on the batch.

    Returns:
        Images (N, C, H, W); pixels that are not removed are unchanged.

    Raises:
        ValueError: If the shapes do not match, the masks are not boolean, all pixels of an image are removed, or
            ``noise`` is negative.
        RuntimeError: If the equations cannot be solved, as with pixels that are not finite.

    Example:
        >>> image = torch.tensor([[[[0.0, 7.0, 3.0]]]])
        >>> noisy_linear_imputation(image, torch.tensor([[[False, True, False]]]), noise=0)
        tensor([[[[0.0000, 1.5000, 3.0000]]]])
    """
    _check(images, masks, noise)
    return _imputed(images, masks, noise, tolerance=tolerance, seed=seed)


class ROAD(ModelMetric):
    """Remove and debias: change in confidence when pixels are removed and imputed from their neighbours.

    Rong et al. 2022 (arXiv 2202.00449): the shape of blackened or blurred pixels reveals to the model what was there;
    pixels that :func:`noisy_linear_imputation` fills in hardly do. For each percentile that many per cent of the
    pixels are removed. The change is the target's softmax probability afterwards minus the probability before,
    averaged over percentiles and images, as in pytorch-grad-cam's ``ROADMostRelevantFirstAverage``,
    ``ROADLeastRelevantFirstAverage`` and ``ROADCombined`` report.

    ``compute`` returns ``most_relevant_first``, the change when the most salient pixels are removed first (lower is
    better); ``least_relevant_first``, when the least salient pixels are removed first (higher is better), both in
    [-1, 1]; and ``combined``, half of the second minus the first (higher is better), 0 for a random map. Pixels of the
    same saliency are removed in random order, so that the number of removed pixels is exact even with a constant map.

    Args:
        percentiles: Per cents of the pixels that are removed, each above 0 and below 100.
        order: ``"most_relevant_first"`` or ``"least_relevant_first"`` computes that value alone, at half the cost.
        noise: Standard deviation of the imputation's noise, in the images' units.
        chunk_size: Images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torchvision
        >>> metric, images = ROAD(percentiles=[50]), torch.rand(2, 3, 64, 64)
        >>> metric.update(torchvision.models.resnet18(), images, torch.rand(2, 64, 64), torch.tensor([0, 7]))
        >>> sorted(metric.compute())
        ['combined', 'least_relevant_first', 'most_relevant_first']
    """

    values = ("most_relevant_first", "least_relevant_first")

    def __init__(
        self,
        percentiles: Sequence[float] = PERCENTILES,
        order: Literal["combined", "most_relevant_first", "least_relevant_first"] = "combined",
        *,
        noise: float = 0.01,
        chunk_size: int | None = None,
        forward: Callable[[Tensor], Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        check_types(ROAD.__init__, locals())
        super().__init__(forward=forward, **kwargs)
        if not percentiles or not all(0 < percentile < 100 for percentile in percentiles):
            raise ValueError(f"`percentiles` must be per cents between 0 and 100, got {list(percentiles)}")
        _check_noise(noise)
        check_chunk_size(chunk_size)
        self.percentiles = tuple(percentiles)
        self.order = order
        self.noise = noise
        self.chunk_size = chunk_size

    def measure(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        """Compute the change in confidence of each image in both orders, (N,), with 0 for an order that is left out."""
        forward = LogitsForward(self.forward_function or model)
        ranks = pixel_ranks(maps)
        most = least = maps.new_zeros(len(maps))
        with neutral(unwrap(model)):
            logits = forward(images)
            targets = logits.argmax(dim=1) if targets is None else targets
            before = confidence(logits, targets)
            if self.order != "least_relevant_first":
                most = self._confidence_after(forward, images, ranks, targets) - before
            if self.order != "most_relevant_first":
                reversed_ranks = ranks[0].numel() - 1 - ranks
                least = self._confidence_after(forward, images, reversed_ranks, targets) - before
        return {"most_relevant_first": most, "least_relevant_first": least}

    def compute(self) -> dict[str, Tensor]:
        """Compute the mean changes over all images.

        Raises:
            ValueError: If there were no images.
        """
        means = super().compute()
        if self.order != "combined":
            return {self.order: means[self.order]}
        return {**means, "combined": (means["least_relevant_first"] - means["most_relevant_first"]) / 2}

    def _confidence_after(
        self, forward: Callable[[Tensor], Tensor], images: Tensor, ranks: Tensor, targets: Tensor
    ) -> Tensor:
        """Compute the confidence (N,) with the pixels of the first ranks imputed, averaged over the percentiles."""
        pixels = ranks[0].numel()
        counts = [round(pixels * percentile / 100) for percentile in self.percentiles]
        if max(counts) == pixels:
            raise ValueError(
                f"the {max(self.percentiles)} % of {pixels} pixels are all of them: none is left to impute from"
            )
        removed = copied_to(torch.tensor(counts, device="cpu"), ranks.device)
        # Few removed pixels are imputed faster, so a chunk holds images of one percentile.
        owner = torch.arange(len(images), device=images.device).repeat(len(removed))
        removed = removed.repeat_interleave(len(images))

        def query(chunk: slice) -> Tensor:
            masks = ranks[owner[chunk]] < removed[chunk, None, None]
            imputed = _imputed(images[owner[chunk]], masks, self.noise)
            return target_probability(forward(imputed), targets[owner[chunk]])

        size = self.chunk_size or default_chunk_size(images)
        return torch.cat(list(in_chunks(query, len(owner), size))).view(-1, len(images)).mean(dim=0)


def _imputed(images: Tensor, masks: Tensor, noise: float, *, tolerance: float = 1e-6, seed: int = 0) -> Tensor:
    """Return :func:`noisy_linear_imputation` of images and masks that are known to fit."""
    removed = masks[:, None].to(torch.promote_types(images.dtype, torch.float32))
    values = images.to(removed.dtype)
    # On a processor one image fits into the cache and stops as soon as it is solved: twice as fast as the batch.
    is_on_cpu = images.device.type == "cpu"
    at_once, check_every = (1, 1) if is_on_cpu else (max(1, len(images)), ITERATIONS_BETWEEN_CHECKS)
    parts = zip(torch.split(values, at_once), torch.split(removed, at_once), strict=True)
    imputed = torch.cat([_solve(*part, tolerance, check_every) for part in parts])
    generator = torch.Generator().manual_seed(seed)
    sample = torch.randn(images.shape[1:], dtype=torch.float32, generator=generator, device="cpu")
    imputed = imputed + noise * copied_to(sample, imputed.device).to(imputed.dtype)
    return torch.where(masks[:, None], imputed.to(images.dtype), images)


def _solve(values: Tensor, removed: Tensor, tolerance: float, check_every: int) -> Tensor:
    """Solve for the removed pixels by conjugate gradients, and return 0 for all others.

    Whether the equations are solved is checked every few iterations, because the check waits for the device. Further
    iterations of a solved system leave its solution within the tolerance.
    """
    weights = _sum_of_neighbours(torch.ones_like(removed))
    solution = torch.zeros_like(values)
    residual = removed * _sum_of_neighbours(values * (1 - removed))
    preconditioned = residual / weights
    direction = preconditioned
    size = _dot(residual, preconditioned)
    small_enough = tolerance * values.abs().max()
    limit = 10 * sum(values.shape[2:])
    for iteration in range(limit + 1):
        is_checked = iteration % check_every == 0 and (iteration > 0 or check_every == 1)
        if (is_checked or iteration == limit) and residual.abs().max() <= small_enough:
            return solution
        ahead = removed * (weights * direction - _sum_of_neighbours(direction))
        step = _quotient(size, _dot(direction, ahead))
        solution += step * direction
        residual -= step * ahead
        preconditioned = residual / weights
        size, before = _dot(residual, preconditioned), size
        direction = preconditioned.add_(_quotient(size, before) * direction)
    raise RuntimeError(
        f"the imputation is not solved: a residual of {float(residual.abs().max()):.2g} is left, where at most "
        f"{float(small_enough):.2g} is required: are the pixels finite?"
    )


def _sum_of_neighbours(images: Tensor) -> Tensor:
    """Compute the weighted sum of every pixel's neighbours: 1/6 for direct ones, 1/12 for diagonal ones."""
    padded = F.pad(images, (1, 1, 1, 1))
    rows = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    both = rows[..., :-2, :] + 2 * rows[..., 1:-1, :] + rows[..., 2:, :]
    return (both - 4 * images) / 12


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(2, 3), keepdim=True)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """Divide, or return ``a`` where ``b`` is 0, as in a channel whose system is solved."""
    return a / torch.where(b > 0, b, 1)


def _check(images: Tensor, masks: Tensor, noise: float) -> None:
    if images.dim() != 4 or masks.shape != (len(images), *images.shape[2:]) or masks.dtype != torch.bool:
        raise ValueError(
            "`masks` must be boolean (N, H, W), one for each of the images (N, C, H, W) and of their size, got "
            f"{masks.dtype} masks {tuple(masks.shape)} and images {tuple(images.shape)}"
        )
    whole = masks.flatten(1).all(dim=1).nonzero()[:, 0].tolist()
    if whole:
        raise ValueError(f"the masks of images {whole} remove every pixel: none is left to impute from")
    _check_noise(noise)


def _check_noise(noise: float) -> None:
    if noise < 0:
        raise ValueError(f"`noise` must be a standard deviation of at least 0, got {noise}")
