"""ROAD: remove and debias, with pixels that are imputed from their neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import Metric

from camaug.explainers.queries import check_chunk_size, default_chunk_size, in_chunks
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_maps, check_targets, require_images
from camaug.metrics.insertion_deletion import pixel_ranks

__all__ = ["ROAD", "noisy_linear_imputation"]

PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90)


def noisy_linear_imputation(
    images: Tensor, masks: Tensor, noise: float = 0.01, *, tolerance: float = 1e-6, seed: int = 0
) -> Tensor:
    """Replace pixels by the weighted mean of their neighbours, and add a little noise.

    Rong et al. 2022, A Consistent and Efficient Evaluation Strategy for Attribution Methods (arXiv 2202.00449).
    Direct neighbours weigh 1/6 and diagonal ones 1/12; at the border the weights of those that exist are divided by
    their sum. Removed neighbours are unknowns themselves, so each image is a sparse linear system, symmetric and
    positive definite, which is solved by conjugate gradients for all images and channels at once.

    Args:
        images: (N, C, H, W).
        masks: Which pixels are removed, boolean (N, H, W).
        noise: Standard deviation of the noise, in the images' units.
        tolerance: Largest residual of an equation, as a share of the largest pixel. Where most of 224 × 224 pixels are
            one hole, the slowest case, the default leaves errors of 1e-4 in normalised images, a hundredth of the
            noise.
        seed: Of the noise, the same for every image, so that what an image becomes does not depend on its batch.

    Returns:
        Images (N, C, H, W); those pixels that are not removed are as they were.

    Raises:
        ValueError: If the shapes do not match, the masks are not boolean, an image is removed as a whole, or
            ``noise`` is negative.
        RuntimeError: If the equations are not solved, as with pixels that are not finite.

    Example:
        >>> image = torch.tensor([[[[0.0, 7.0, 3.0]]]])
        >>> noisy_linear_imputation(image, torch.tensor([[[False, True, False]]]), noise=0)
        tensor([[[[0.0000, 1.5000, 3.0000]]]])
    """
    _check(images, masks, noise)
    removed = masks[:, None].to(torch.promote_types(images.dtype, torch.float32))
    values = images.to(removed.dtype)
    # One image stays in a processor's cache, and ends when it is solved: twice as fast as the batch, unlike elsewhere.
    at_once = 1 if images.device.type == "cpu" else max(1, len(images))
    parts = zip(torch.split(values, at_once), torch.split(removed, at_once), strict=True)
    imputed = torch.cat([_impute(*part, tolerance) for part in parts])
    drawn = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed)).to(imputed)
    return torch.where(masks[:, None], (imputed + noise * drawn).to(images.dtype), images)


class ROAD(Metric):
    """How the confidence changes where pixels are removed and imputed from their neighbours.

    Rong et al. 2022 (arXiv 2202.00449): pixels that are blackened or blurred tell the model by their
    shape what was there; those that :func:`noisy_linear_imputation` fills in hardly do. For each percentile that many
    per cent of the pixels are removed, and the change is the target's softmax probability afterwards minus that
    before, averaged over percentiles and images; it is what pytorch-grad-cam's ``ROADMostRelevantFirstAverage``,
    ``ROADLeastRelevantFirstAverage`` and ``ROADCombined`` report.

    ``compute`` gives ``most_relevant_first``, the change where the most salient pixels go first, better low;
    ``least_relevant_first``, where the least salient go first, better high; both in [-1, 1]; and ``combined``, half of
    the second minus the first, better high, with 0 for a map that knows nothing. Pixels of the same saliency go in
    random order, so that exactly as many are removed as is said, of a flat map too.

    Args:
        percentiles: How many per cent of the pixels are removed, each above 0 and below 100.
        order: ``"most_relevant_first"`` or ``"least_relevant_first"`` computes that figure alone, at half the cost.
        noise: Standard deviation of the imputation's noise, in the images' units.
        chunk_size: Images in one forward pass; by default as :func:`~camaug.explainers.queries.default_chunk_size`
            says.
        forward: How logits come from images, where ``model(images)`` does not give them.
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

    full_state_update = False
    most: Tensor
    least: Tensor
    count: Tensor

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
        super().__init__(**kwargs)
        if not percentiles or not all(0 < percentile < 100 for percentile in percentiles):
            raise ValueError(f"`percentiles` must be some per cents between 0 and 100, got {list(percentiles)}")
        if order not in ("combined", "most_relevant_first", "least_relevant_first"):
            raise ValueError(
                f"`order` must be 'combined', 'most_relevant_first' or 'least_relevant_first', got {order!r}"
            )
        _check_noise(noise)
        check_chunk_size(chunk_size)
        self.percentiles = tuple(percentiles)
        self.order = order
        self.noise = noise
        self.chunk_size = chunk_size
        self.forward_function = forward
        self.add_state("most", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("least", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None = None) -> None:
        """Add images.

        Args:
            model: The classifier; it is left as it was.
            images: (N, C, H, W).
            maps: (N, H, W).
            targets: (N,); the predicted classes where None.

        Raises:
            ValueError: If maps and images do not match.
        """
        check_maps(maps, images)
        if len(images) == 0:
            return
        forward = self.forward_function or model
        ranks = pixel_ranks(maps)
        most = least = maps.new_zeros(len(maps))
        with neutral(unwrap(model)):
            before = forward(images).float().softmax(dim=1)
            targets = before.argmax(dim=1) if targets is None else targets
            check_targets(targets, before)
            confidence = before.gather(1, targets[:, None])[:, 0]
            if self.order != "least_relevant_first":
                most = self._after(forward, images, ranks, targets) - confidence
            if self.order != "most_relevant_first":
                backwards = ranks[0].numel() - 1 - ranks
                least = self._after(forward, images, backwards, targets) - confidence
        self.most += most.sum()
        self.least += least.sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        most, least = self.most / self.count, self.least / self.count
        figures = {
            "most_relevant_first": most,
            "least_relevant_first": least,
            "combined": (least - most) / 2,
        }
        return figures if self.order == "combined" else {self.order: figures[self.order]}

    def _after(self, forward: Callable[[Tensor], Tensor], images: Tensor, ranks: Tensor, targets: Tensor) -> Tensor:
        """The target's confidence (N,) where the pixels of the first ranks are imputed, mean over the percentiles."""
        pixels = ranks[0].numel()
        removed = torch.tensor([round(pixels * percentile / 100) for percentile in self.percentiles]).to(ranks)
        # The fewer pixels are removed, the sooner they are imputed, so that one chunk has those of one percentile.
        owner = torch.arange(len(images), device=images.device).repeat(len(removed))
        removed = removed.repeat_interleave(len(images))

        def query(part: slice) -> Tensor:
            masks = ranks[owner[part]] < removed[part, None, None]
            logits = forward(noisy_linear_imputation(images[owner[part]], masks, self.noise))
            return logits.float().softmax(dim=1).gather(1, targets[owner[part], None])[:, 0]

        chunk = self.chunk_size or default_chunk_size(images)
        return torch.cat(list(in_chunks(query, len(owner), chunk))).view(-1, len(images)).mean(dim=0)


def _impute(values: Tensor, removed: Tensor, tolerance: float) -> Tensor:
    """Solve for the removed pixels by conjugate gradients; those that are not removed are 0 in what is given."""
    weights = _sum_of_neighbours(torch.ones_like(removed))
    found = torch.zeros_like(values)
    residual = removed * _sum_of_neighbours(values * (1 - removed))
    preconditioned = residual / weights
    direction = preconditioned
    size = _dot(residual, preconditioned)
    small_enough = tolerance * values.abs().max()
    for _ in range(10 * sum(values.shape[2:])):
        if residual.abs().max() <= small_enough:
            return found
        ahead = removed * (weights * direction - _sum_of_neighbours(direction))
        step = _quotient(size, _dot(direction, ahead))
        found += step * direction
        residual -= step * ahead
        preconditioned = residual / weights
        size, before = _dot(residual, preconditioned), size
        direction = preconditioned.add_(_quotient(size, before) * direction)
    raise RuntimeError(
        f"the imputation is not solved: a residual of {float(residual.abs().max()):.2g} is left, where at most "
        f"{float(small_enough):.2g} was asked for: are the pixels finite?"
    )


def _sum_of_neighbours(images: Tensor) -> Tensor:
    """The weighted sum of the up to eight neighbours of every pixel: 1/6 each direct one, 1/12 each diagonal one."""
    padded = F.pad(images, (1, 1, 1, 1))
    rows = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    both = rows[..., :-2, :] + 2 * rows[..., 1:-1, :] + rows[..., 2:, :]
    return (both - 4 * images) / 12


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(2, 3), keepdim=True)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """A channel whose system is solved has nothing left to divide by, and stays as it is."""
    return a / torch.where(b > 0, b, 1)


def _check(images: Tensor, masks: Tensor, noise: float) -> None:
    if images.dim() != 4 or masks.shape != (len(images), *images.shape[2:]) or masks.dtype != torch.bool:
        raise ValueError(
            "`masks` must be boolean (N, H, W), one for each of the images (N, C, H, W) and of their size, got "
            f"{masks.dtype} masks {tuple(masks.shape)} and images {tuple(images.shape)}"
        )
    whole = masks.flatten(1).all(dim=1).nonzero()[:, 0].tolist()
    if whole:
        raise ValueError(f"the masks of images {whole} remove every pixel: there is none left to impute from")
    _check_noise(noise)


def _check_noise(noise: float) -> None:
    if noise < 0:
        raise ValueError(f"`noise` must be a standard deviation of at least 0, got {noise}")
