"""XRAI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from camaug.explainers.base import Evidence
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.integrated_gradients import integrate
from camaug.explainers.pixel_explainer import PixelExplainer, clip_outliers
from camaug.explainers.registry import register_explainer
from camaug.utils.optional import import_extra

__all__ = ["XRAI", "grow_region", "segments"]

Mask = NDArray[np.bool_]


@register_explainer("xrai")
@dataclass(frozen=True)
class XRAI(PixelExplainer):
    """XRAI: the image's segments, ranked by their mean attribution.

    Kapishnikov et al. 2019, XRAI: Better Attributions Through Regions (arXiv 1906.02825), algorithm 1: Felzenszwalb
    segments at several scales, and integrated gradients from a black and a white baseline, the darkest and lightest
    value of each of the image's channels; a region grows by the segment of the highest mean attribution in what it
    adds, and that mean is the map's value there, 0 where it is negative. Costs one forward pass, and ``2 * steps``
    forward and backward passes.

    Args:
        steps: Number of points on the line from each baseline.
        scales: Scales of the segmentation; larger scales give larger segments.
        smallest: Number of pixels that a segment must add to the region to count.
        clip: Percentile of each map at which its values are clipped; 100 disables it.

    Example:
        >>> import torchvision
        >>> XRAI(steps=4)(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Kapishnikov 2019](https://arxiv.org/abs/1906.02825)",
        passes="1 + 40 + 40 back",
        needs="a gradient",
        check="formula",
    )

    steps: int = 20
    scales: Sequence[float] = (50, 100, 150, 250, 500, 1200)
    smallest: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scales", tuple(self.scales))
        if self.steps < 1 or self.smallest < 1 or not self.scales:
            raise ValueError(
                f"`steps` and `smallest` must be at least 1 and `scales` must not be empty, "
                f"got {self.steps}, {self.smallest} and {self.scales}"
            )

    def attributions(self, evidence: Evidence) -> Tensor:
        """Compute the mean of the integrated gradients from the two baselines, (N, C, H, W)."""
        images = evidence.images
        dark, light = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
        integrals = [integrate(evidence, base.expand_as(images), self.steps, self.name) for base in (dark, light)]
        return torch.stack(integrals).mean(dim=0)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute for each pixel the mean attribution, where positive, of the segment that added it, (N, H, W)."""
        attributions = self.attributions(evidence).sum(dim=1).cpu().numpy()
        images = evidence.images.float().cpu()
        maps = [
            grow_region(attribution, segments(image, self.scales), self.smallest)
            for attribution, image in zip(attributions, images, strict=True)
        ]
        stacked = torch.from_numpy(np.stack(maps)).to(evidence.images.device)
        return clip_outliers(stacked.relu(), self.clip)


def segments(image: Tensor, scales: Sequence[float]) -> list[Mask]:
    """Segment an image at several scales, with each segment dilated a little.

    Args:
        image: (C, H, W), of any range of values.
        scales: Scales of Felzenszwalb's segmentation.

    Returns:
        Masks (H, W); those of one scale cover the image.
    """
    needed = {"package": "scikit-image", "extra": "pixels", "reason": "the explainer 'xrai' needs"}
    segmentation = import_extra("skimage.segmentation", **needed)
    morphology = import_extra("skimage.morphology", **needed)
    low, high = image.amin(), image.amax()
    pixels = ((image - low) / (high - low).clamp(min=1e-12)).movedim(0, -1).numpy()
    masks = []
    for scale in scales:
        labels = segmentation.felzenszwalb(pixels, scale=scale, sigma=0.8, min_size=_smallest_segment(pixels))
        masks += [morphology.dilation(labels == label, morphology.disk(5)) for label in np.unique(labels)]
    return masks


def _smallest_segment(pixels: NDArray[np.float32]) -> int:
    """Return the published 150 pixels, which suit images of 224 pixels, or a hundredth of a smaller image."""
    return max(1, min(150, int(pixels.shape[0]) * int(pixels.shape[1]) // 100))


def grow_region(attribution: NDArray[np.float32], masks: Sequence[Mask], smallest: int) -> NDArray[np.float32]:
    """Rank segments by the mean attribution that they add to a growing region: XRAI's algorithm 1.

    Args:
        attribution: (H, W).
        masks: Segments, (H, W) each.
        smallest: Number of pixels that a segment must add to count.

    Returns:
        (H, W): the mean attribution of the pixels that each segment added; in the remaining pixels, their own mean.

    Example:
        >>> attribution = np.array([[4.0, 2.0, 0.0]], dtype=np.float32)
        >>> left, wide = np.array([[True, False, False]]), np.array([[True, True, True]])
        >>> grow_region(attribution, [wide, left], smallest=1)
        array([[4., 1., 1.]], dtype=float32)
    """
    ranked, missing = np.zeros(attribution.size, dtype=np.float32), np.ones(attribution.size, dtype=bool)
    values = attribution.reshape(-1)
    members = np.stack(masks).reshape(len(masks), -1)
    # The sum and count that each segment would add; a pixel is subtracted once the region includes it.
    sums, counts = members @ values.astype(np.float64), np.count_nonzero(members, axis=1)
    while (large := counts >= smallest).any():
        gains = np.where(large, sums / np.maximum(counts, 1), -np.inf)
        best = int(gains.argmax())
        added = members[best] & missing
        ranked[added] = gains[best]
        missing &= ~added
        sums = sums - members[:, added] @ values[added].astype(np.float64)
        counts -= np.count_nonzero(members[:, added], axis=1)
    if missing.any():
        ranked[missing] = values[missing].mean()
    return ranked.reshape(attribution.shape)
