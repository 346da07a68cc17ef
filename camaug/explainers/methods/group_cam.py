"""Group-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer, weighted_sum
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.methods.grad_cam import channel_weights
from camaug.explainers.queries import check_chunk_size, masked_scores
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import denoise, gaussian_blur, normalise, upsample
from camaug.utils.check_blur import check_blur
from camaug.utils.optional import import_extra

__all__ = ["GroupCAM", "Grouping", "cluster_channels", "group_maps"]

Grouping = Literal["order", "k-means", "agglomerative"]
PAPER_GROUPS = {True: 32, False: 16}  # with channel weights, and without


def group_maps(
    activations: Tensor,
    groups: int,
    weights: Tensor | None = None,
    theta: float | None = None,
    grouping: Grouping = "order",
) -> Tensor:
    """Compute the initial masks of Group-CAM: ``M_l = ReLU(sum_{k in group l} w_k A_k)``, de-noised.

    Zhang, Rao, Yang 2021 (arXiv 2103.13859), steps 2 and 3. The channels are split in order; where ``groups`` does
    not divide K, the first ``K mod groups`` groups have one channel more than the others. Alternatively, channels with
    similar weighted maps are clustered, for each image separately, as in the published code.

    Args:
        activations: (N, K, u, v).
        groups: Number of groups G, between 1 and K.
        weights: Channel weights (N, K); None gives all channels the same weight.
        theta: Percentile below which a map is set to 0; None keeps everything.
        grouping: ``"order"``, ``"k-means"`` or ``"agglomerative"``; the latter two need scikit-learn.

    Returns:
        Masks (N, G, u, v), at least 0, not normalised.

    Raises:
        ValueError: If there are more groups than channels.

    Example:
        >>> activations = torch.tensor([1.0, -3.0, 2.0]).view(1, 3, 1, 1)
        >>> group_maps(activations, groups=2).flatten()
        tensor([0., 2.])
    """
    channels = activations.shape[1]
    if not 1 <= groups <= channels:
        raise ValueError(f"`groups` must be between 1 and the layer's {channels} channels, got {groups}")
    if weights is not None:
        activations = activations * weights[:, :, None, None]
    if grouping == "order":
        parts = activations.tensor_split(groups, dim=1)
    else:
        members = F.one_hot(cluster_channels(activations, groups, grouping), groups).to(activations)  # (N, K, G)
        parts = torch.einsum("nkuv,nkg->gnuv", activations, members)[:, :, None].unbind()
    maps = torch.stack([part.sum(dim=1) for part in parts], dim=1).relu()
    return maps if theta is None else denoise(maps, theta)


def cluster_channels(maps: Tensor, groups: int, grouping: Grouping) -> Tensor:
    """Cluster channels with similar maps.

    Args:
        maps: (N, K, u, v).
        groups: Number of groups G.
        grouping: ``"k-means"`` or ``"agglomerative"``.

    Returns:
        The group of each channel, (N, K), from 0 to G - 1.

    Raises:
        ImportError: If scikit-learn is not installed.
    """
    cluster = import_extra("sklearn.cluster", package="scikit-learn", extra="clusters", reason=f"{grouping!r} needs")
    labels = []
    for image in maps.detach().flatten(2).float().cpu().numpy():
        if grouping == "k-means":
            method = cluster.KMeans(groups, random_state=0, n_init=1)
        else:
            method = cluster.AgglomerativeClustering(groups)
        labels.append(torch.as_tensor(method.fit_predict(image), dtype=torch.int64))
    return torch.stack(labels).to(maps.device)


@register_explainer("group-cam")
@dataclass(frozen=True)
class GroupCAM(LayerExplainer):
    """Group-CAM: groups of channels as masks, weighted by the confidence gained through each mask.

    Zhang, Rao, Yang 2021, Group-CAM: Group Score-Weighted Visual Explanations for Deep Convolutional Networks
    (arXiv 2103.13859). The image is shown through each group's mask over a blurred baseline, and the mask's
    weight is the gain of the target's probability over the baseline: ``alpha_l = F_c(X_l) - F_c(X~)``,
    ``L = ReLU(sum_l alpha_l M'_l)``. Costs ``groups`` + 2 forward passes and, if ``weighted``, the head's backward.

    The defaults are the paper's. With ``groups=1, theta=None`` the map is that of Grad-CAM.

    Args:
        groups: Number of groups G, between 1 and the layer's channels. Where it does not divide them, the first
            groups have one channel more. None is the paper's choice, 32 with weights and 16 without (its
            augmentation), or the number of channels if it is smaller.
        theta: De-noising percentile in [0, 100]; None for no de-noising.
        weighted: Weight channels by their mean gradients within a group. False needs no backward pass (the paper's
            augmentation).
        subtract_baseline: Subtract the baseline's probability from each score.
        normalise_after: Normalise the masks after upsampling, as in the published code, rather than before, as in the
            paper's formula.
        grouping: ``"order"`` as in the paper; ``"k-means"`` or ``"agglomerative"`` cluster channels with similar
            weighted maps and need scikit-learn (``pip install 'camaug[clusters]'``).
        blur_kernel_size: Width of the baseline's blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        query_scale: Size of the masked images relative to the images, in (0, 1]: at 0.5 a query has a quarter of the
            pixels, and the map changes if the model predicts differently for small images (``camaug price``).
        layer: The target layer: None to find it, a name, or a module of the model.

    Example:
        >>> import torchvision
        >>> explainer = GroupCAM(groups=8)
        >>> explainer(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper="[Zhang 2021](https://arxiv.org/abs/2103.13859)",
        passes="2 + 32 + head back",
        needs="spatial features",
        check="a float64 loop of the paper's formula; Grad-CAM for one group",
    )

    groups: int | None = None
    theta: float | None = 70.0
    weighted: bool = True
    subtract_baseline: bool = True
    normalise_after: bool = False
    grouping: Grouping = "order"
    blur_kernel_size: int = 51
    blur_sigma: float = 50.0
    chunk_size: int | None = None
    query_scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.groups is not None and self.groups < 1:
            raise ValueError(f"`groups` must be at least 1, got {self.groups}")
        if self.theta is not None and not 0 <= self.theta <= 100:
            raise ValueError(f"`theta` is a percentile and must be between 0 and 100, or None, got {self.theta}")
        if not 0 < self.query_scale <= 1:
            raise ValueError(f"`query_scale` must be above 0 and at most 1, got {self.query_scale}")
        check_blur(self.blur_kernel_size, self.blur_sigma)
        check_chunk_size(self.chunk_size)

    @property
    def needs_gradients(self) -> bool:
        """Return True if the channels are weighted, which takes their gradients."""
        return self.weighted

    @property
    def shares_queries(self) -> bool:
        """Return True without channel weights, whose groups are the same for every target."""
        return not self.weighted

    def maps(self, evidence: LayerEvidence) -> Tensor:
        """Compute the masks M', (N, G, u, v), or (N, G, H, W) if normalised after upsampling, in [0, 1]."""
        weights = channel_weights(evidence.require_gradients()) if self.weighted else None
        channels = evidence.activations.shape[1]
        groups = self.groups if self.groups is not None else min(PAPER_GROUPS[self.weighted], channels)
        masks = group_maps(evidence.activations, groups, weights, self.theta, self.grouping)
        return normalise(upsample(masks, evidence.image_size) if self.normalise_after else masks)

    def weights(self, evidence: LayerEvidence, masks: Tensor) -> Tensor:
        """Compute the gains alpha of the masked images over the baseline, (N, G)."""
        if self.subtract_baseline:  # a mask of zeros shows the baseline
            masks = torch.cat([torch.zeros_like(masks[:, :1]), masks], dim=1)
        images = evidence.images
        baseline = gaussian_blur(images, self.blur_kernel_size, self.blur_sigma)
        scores = masked_scores(
            evidence.confidence,
            images,
            baseline,
            masks,
            model=evidence.model,
            chunk_size=self.chunk_size,
            scale=self.query_scale,
        )
        return scores[:, 1:] - scores[:, :1] if self.subtract_baseline else scores

    def layer_saliency(self, evidence: LayerEvidence) -> Tensor:
        """Compute ``ReLU(sum_l alpha_l M'_l)`` at the images' size, (N, H, W)."""
        masks = self.maps(evidence)
        summed = weighted_sum(masks, self.weights(evidence, masks))
        # Upsampling is linear, so the sum is enlarged instead of each mask; the ReLU is not, so it comes last.
        return upsample(summed, evidence.image_size).relu()
