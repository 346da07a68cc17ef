"""RISE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.base import Evidence, Explainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.queries import check_chunk_size, default_chunk_size, query_in_chunks
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import upsample
from camaug.utils.copied_to import copied_to

__all__ = ["RISE", "random_masks"]

DRAWN_AT_ONCE = 64


def random_masks(
    count: int, size: tuple[int, int], cells: int, keep_probability: float, generator: torch.Generator
) -> Tensor:
    """Draw smooth random masks: small random grids, enlarged beyond the image and cropped at random.

    Petsiuk et al. 2018 (arXiv 1806.07421), section 3.2.

    Args:
        count: Number of masks M.
        size: Height and width of the images.
        cells: Cells of the grid in each direction.
        keep_probability: Probability that a cell is 1.
        generator: Random-number generator on the CPU.

    Returns:
        Masks in [0, 1], (M, *size).
    """
    height, width = (-(-side // cells) for side in size)  # of a cell, rounded up
    cpu = torch.device("cpu")
    noise = torch.rand(count, 1, cells, cells, dtype=torch.float32, generator=generator, device=cpu)
    grids = noise < keep_probability
    enlarged = upsample(grids.float(), (height * (cells + 1), width * (cells + 1)))[:, 0]
    tops = torch.randint(height, (count,), generator=generator, device=cpu).tolist()
    lefts = torch.randint(width, (count,), generator=generator, device=cpu).tolist()
    crops = [
        mask[top : top + size[0], left : left + size[1]] for mask, top, left in zip(enlarged, tops, lefts, strict=True)
    ]
    return torch.stack(crops)


@register_explainer("rise")
@dataclass(frozen=True)
class RISE(Explainer):
    """RISE: the mean of random masks, weighted by the confidence in the image seen through each.

    Petsiuk, Das, Saenko 2018, RISE: Randomized Input Sampling for Explanation of Black-box Models (arXiv 1806.07421),
    equation 6: ``L = sum_i F_c(X * m_i) m_i / (M p)``. It only calls the model, so it works with any classifier.
    Costs one forward pass, and one more for every mask.

    Args:
        masks: Number of masks M; the paper uses 4,000 to 8,000.
        cells: Cells of the random grid in each direction.
        keep_probability: Probability p that a cell is 1.
        seed: Seed of the masks, which are the same for every image.
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.

    Example:
        >>> import torchvision
        >>> RISE(masks=8)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper="[Petsiuk 2018](https://arxiv.org/abs/1806.07421)",
        passes="1 + 4000",
        needs="nothing",
        check="formula",
    )

    masks: int = 4000
    cells: int = 7
    keep_probability: float = 0.5
    seed: int = 0
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.masks < 1 or self.cells < 1:
            raise ValueError(f"`masks` and `cells` must be at least 1, got {self.masks} and {self.cells}")
        if not 0 < self.keep_probability < 1:
            raise ValueError(f"`keep_probability` must be between 0 and 1, got {self.keep_probability}")
        check_chunk_size(self.chunk_size)

    @property
    def shares_queries(self) -> bool:
        """Return True: the masks are the same for every target."""
        return True

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the mean of the masks, weighted by confidence, (N, H, W)."""
        images = evidence.images
        generator = torch.Generator().manual_seed(self.seed)
        total = images.new_zeros((*evidence.target.classes.shape, *evidence.image_size), dtype=torch.float32)
        for start in range(0, self.masks, DRAWN_AT_ONCE):
            count = min(DRAWN_AT_ONCE, self.masks - start)
            masks = random_masks(count, evidence.image_size, self.cells, self.keep_probability, generator)
            total += self._weighted_sum(evidence, copied_to(masks, images.device))
        return total / (self.masks * self.keep_probability)

    def _weighted_sum(self, evidence: Evidence, masks: Tensor) -> Tensor:
        """Compute ``sum_i F_c(X * m_i) m_i`` for some of the masks, (N, H, W)."""
        images = evidence.images
        queries = torch.arange(len(images) * len(masks), device=images.device)

        def query(chunk: slice) -> Tensor:
            owner, mask = queries[chunk] // len(masks), masks[queries[chunk] % len(masks)]
            return evidence.confidence(images[owner] * mask[:, None].to(images.dtype), owner)

        size = self.chunk_size or default_chunk_size(images)
        scores = query_in_chunks(query, len(queries), size, evidence.model, images)
        scores = scores.view(len(images), len(masks), *scores.shape[1:])
        return torch.einsum("nm...,mhw->n...hw", scores.to(masks), masks)
