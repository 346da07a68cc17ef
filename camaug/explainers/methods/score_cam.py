"""Score-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.queries import check_chunk_size, default_chunk_size, distinct, query_in_chunks
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import normalise, upsample

__all__ = ["ScoreCAM"]


@register_explainer("score-cam")
@dataclass(frozen=True)
class ScoreCAM(LayerExplainer):
    """Score-CAM: channels weighted by the score of the image seen through each.

    Wang et al. 2020, Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks
    (arXiv 1910.01279), algorithm 1: the weights are the softmax over the channels of the logits of
    ``X * norm(up(A_k))``; a baseline's logit, which is the same for all channels, cancels. Costs one forward pass,
    and one more for every channel; channels with equal maps, such as silent ones, share one.

    Args:
        chunk_size: Masked images per forward pass; :func:`~camaug.explainers.queries.default_chunk_size` by default.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> ScoreCAM(layer="layer1")(torchvision.models.resnet18(), torch.rand(1, 3, 32, 32)).maps.shape
        torch.Size([1, 32, 32])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper="[Wang 2020](https://arxiv.org/abs/1910.01279)",
        passes="1 + K",
        needs="spatial features",
        oracle="torchcam; pytorch-grad-cam where nothing is enlarged (it aligns corners)",
    )

    chunk_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_chunk_size(self.chunk_size)

    @property
    def shares_queries(self) -> bool:
        """Return True: the masked images are the same for every target."""
        return True

    @property
    def variants(self) -> int:
        """Number of variants of each channel's mask."""
        return 1

    @property
    def varies_channels(self) -> bool:
        """Return True if equal masks of two channels are varied differently."""
        return False

    def vary(self, masks: Tensor, channels: Tensor, variant: int) -> Tensor:
        """Return one of the variants of the masks (M, H, W) of the given channels (M,)."""
        return masks

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the softmax over the channels of the masked images' mean scores, (N, K)."""
        scores = [self._scores(evidence, maps, variant) for variant in range(self.variants)]
        return torch.stack(scores).mean(dim=0).softmax(dim=1)

    def _scores(self, evidence: LayerEvidence, maps: Tensor, variant: int) -> Tensor:
        """Compute the score of each image seen through a variant of each channel's mask, (N, K)."""
        channels = torch.arange(maps.shape[1], device=maps.device)
        # Maps that differ only in their range give the same mask, unless each channel is varied by itself.
        keys = channels[None, :, None, None].expand(len(maps), -1, 1, 1) if self.varies_channels else normalise(maps)
        unique, owner, index = distinct(keys)
        channel = torch.full((len(unique),), maps.shape[1], device=maps.device)
        channel = channel.scatter_reduce(0, index.flatten(), channels.repeat(len(maps)), "amin")

        def query(chunk: slice) -> Tensor:
            images, of_image = evidence.images[owner[chunk]], maps[owner[chunk], channel[chunk]]
            masks = normalise(upsample(of_image[:, None], evidence.image_size)[:, 0])
            masks = self.vary(masks, channel[chunk], variant).to(images.dtype)
            return evidence.score(images * masks[:, None], owner[chunk])

        size = self.chunk_size or default_chunk_size(evidence.images)
        return query_in_chunks(query, len(unique), size, evidence.model, evidence.images)[index]
