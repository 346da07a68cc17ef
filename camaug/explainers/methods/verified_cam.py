"""Verified CAM."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Targets
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.queries import check_chunk_size, default_chunk_size, query_in_chunks
from camaug.explainers.registry import register_explainer
from camaug.explainers.wrapper import WrappingExplainer
from camaug.functional.masks import blend, gaussian_blur, normalise, resize, upsample
from camaug.functional.pixel_ranks import pixel_ranks
from camaug.utils.check_blur import check_blur
from camaug.utils.copied_to import copied_to

__all__ = ["ScaledEvidence", "VerifiedCAM", "smoothed"]

LEVELS = 4096


@dataclass(frozen=True)
class ScaledEvidence(Evidence):
    """Evidence of the images, with the evidence of the same images at several sizes.

    Attributes:
        scaled: The inner method's evidence at each size.
    """

    scaled: tuple[Evidence, ...] = ()

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the feature maps at the first size."""
        return self.scaled[0].grid

    def column(self, index: int) -> ScaledEvidence:
        """Return the evidence for only one of the k targets of each image."""
        scaled = tuple(each.column(index) for each in self.scaled)
        return replace(self, target=self.target.column(index), scaled=scaled)


def smoothed(maps: Tensor, share: float) -> Tensor:
    """Smooth maps with a Gaussian.

    Args:
        maps: (N, H, W).
        share: Standard deviation as a share of the shorter side; 0 returns the maps.

    Returns:
        (N, H, W).

    Example:
        >>> maps = torch.zeros(1, 9, 9)
        >>> maps[0, 4, 4] = 1
        >>> smoothed(maps, 0.1)[0, 4, 3:6]
        tensor([0.1060, 0.1965, 0.1060])
    """
    sigma = share * min(maps.shape[-2:])
    if sigma == 0:
        return maps
    return gaussian_blur(maps[:, None], 2 * math.ceil(3 * sigma) + 1, sigma)[:, 0]


@register_explainer("verified-cam")
@dataclass(frozen=True)
class VerifiedCAM(WrappingExplainer):
    """Verified CAM: several versions of a map, weighted by how well masked images confirm each of them.

    The versions M of a method's map are computed at several sizes of the image and smoothed by several widths. Each is
    scored as Group-CAM (arXiv 2103.13859) scores a group, but on both sides and with nested binary masks: B_a shows the
    share a of the pixels that are most salient in M, F is the target's probability and X~ the blurred image, and
    ``score(M) = mean_a [F(X * B_a + X~ * (1 - B_a)) - F(X * (1 - B_a) + X~ * B_a)]``. The map is the sum of an image's
    versions, weighted with the softmax of ``score(M) / temperature``. Costs the method's passes at each size, and two
    for each version and share.

    How smooth the best map is differs between networks and between images, and no fixed width is the best for all.
    Versions with nearly the same score share the map, so that it does not jump when their order changes.
    The score is a coarse form of insertion minus deletion, so this method is ahead in these metrics by construction;
    docs/methods.md has independent ones.

    Args:
        explainer: The inner method: an explainer or its name.
        layer: Target layer of the inner method, or a list of layers; None for the inner method's own.
        smoothing: Standard deviations of the Gaussians, as shares of the image's shorter side; 0 does not smooth.
        scales: Sizes of the images relative to the given ones; 1 alone for models that accept one size.
        shares: Shares of the pixels that the masks show, in (0, 1).
        temperature: Difference of the scores, in units of F, at which the better version weighs e times as much; 0
            for the version with the highest score alone.
        blur_kernel_size: Width of the baseline's blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.

    Example:
        >>> import torchvision
        >>> explainer = VerifiedCAM(shares=(0.2,))
        >>> explainer(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="wrappers",
        paper="Grad-CAM, as smooth as masked images confirm",
        passes="the method's + 16",
        needs="what the method needs",
        check="a loop of the formula; the method itself for one version",
    )

    smoothing: Sequence[float] = (0.0, 0.18)
    scales: Sequence[float] = (1.0,)
    shares: Sequence[float] = (0.1, 0.2, 0.35, 0.55)
    temperature: float = 0.03
    blur_kernel_size: int = 51
    blur_sigma: float = 50.0
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("smoothing", "scales", "shares"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.smoothing or min(self.smoothing) < 0:
            raise ValueError(f"`smoothing` must hold shares of the image's side of at least 0, got {self.smoothing}")
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"`scales` must hold sizes above 0, got {self.scales}")
        if not self.shares or not 0 < min(self.shares) <= max(self.shares) < 1:
            raise ValueError(f"`shares` must hold shares of the pixels between 0 and 1, got {self.shares}")
        if not self.temperature >= 0:
            raise ValueError(f"`temperature` must be at least 0, got {self.temperature}")
        check_blur(self.blur_kernel_size, self.blur_sigma)
        check_chunk_size(self.chunk_size)

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> ScaledEvidence:
        """Collect the inner method's evidence at each size, for the same target."""
        own = self.inner.gather(model, forward, images, targets)
        scaled = tuple(
            own if scale == 1 else self.inner.gather(model, forward, resize(images, scale), own.target)
            for scale in self.scales
        )
        return ScaledEvidence(model, forward, images, own.target, own.logits, own.layers, scaled)

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the weighted sum of each image's versions, (N, H, W) in [0, 1]."""
        if not isinstance(evidence, ScaledEvidence):
            raise TypeError(f"VerifiedCAM expected ScaledEvidence, got {type(evidence).__name__}")
        versions = self.versions(evidence)
        if versions.shape[1] == 1:
            return versions[:, 0]
        weights = self.weights(self.scores(evidence, versions))
        return (weights[:, :, None, None] * versions).sum(dim=1)

    def weights(self, scores: Tensor) -> Tensor:
        """Compute the weights of the versions from their scores, both (N, M)."""
        if self.temperature == 0:
            return F.one_hot(scores.argmax(dim=1), scores.shape[1]).to(scores.dtype)
        return (scores / self.temperature).softmax(dim=1)

    def versions(self, evidence: ScaledEvidence) -> Tensor:
        """Compute the versions of the inner method's map, (N, M, H, W) in [0, 1]."""
        maps = [normalise(upsample(self.inner.saliency(each), evidence.image_size)) for each in evidence.scaled]
        return torch.stack([smoothed(each, share) for each in maps for share in self.smoothing], dim=1)

    def scores(self, evidence: Evidence, versions: Tensor) -> Tensor:
        """Compute the score of each version, (N, M): the mean gain of showing its pixels over that of hiding them.

        Args:
            evidence: The images, the target and the forward pass.
            versions: Maps (N, M, H, W).
        """
        images = evidence.images
        baseline = gaussian_blur(images, self.blur_kernel_size, self.blur_sigma)
        count, versions_per_image = versions.shape[:2]
        # Rounded, since an enlarged map has many equal values, whose order would be that of their rounding errors.
        ranks = pixel_ranks((versions.flatten(0, 1) * LEVELS).round()).int()
        pixels = ranks[0].numel()
        counts = torch.tensor([max(1, round(share * pixels)) for share in self.shares], device="cpu")
        shown = copied_to(counts, images.device)
        total = len(ranks) * len(shown)

        def query(chunk: slice) -> Tensor:
            index = torch.arange(chunk.start, chunk.stop, device=images.device)
            version = index // len(shown)
            owner = version // versions_per_image
            masks = ranks[version] < shown[index % len(shown), None, None]
            pairs = [blend(images[owner], baseline[owner], each) for each in (masks, ~masks)]
            gain, loss = evidence.confidence(torch.cat(pairs), owner.repeat(2)).chunk(2)
            return gain - loss

        size = self.chunk_size or default_chunk_size(images)
        scores = query_in_chunks(query, total, max(1, size // 2), evidence.model, images)
        return scores.view(count, versions_per_image, len(shown)).mean(dim=2)
