"""Ablation-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.queries import check_chunk_size, query_in_chunks
from camaug.explainers.registry import register_explainer
from camaug.functional.precision import at_least_float32
from camaug.inspection.capture import replace_output

__all__ = ["AblationCAM", "ablated_scores"]

DEFAULT_CHUNK = 32  # large, because the layers before the target layer run once per chunk


def ablated_scores(evidence: LayerEvidence, chunk_size: int | None = None) -> Tensor:
    """Compute the score of each image without each channel of the target layer.

    Where the model allows it, the layers before the target layer run once per chunk, and only the layers after it run
    for every ablation.

    Args:
        evidence: The evidence.
        chunk_size: Ablations per forward pass; 32 by default, fewer where memory is short.

    Returns:
        Scores (N, K).
    """
    can_copy = _can_copy_at_the_layer(evidence)
    scores = [_ablate(evidence, image, chunk_size, can_copy) for image in range(len(evidence.images))]
    return torch.stack(scores)


def _ablate(evidence: LayerEvidence, image: int, chunk_size: int | None, can_copy: bool) -> Tensor:
    """Compute the scores of one image without each channel, (K,)."""

    def query(chunk: slice) -> Tensor:
        ablated = torch.arange(chunk.start, chunk.stop, device=evidence.images.device)
        one = evidence.images[image, None]
        images = one if can_copy else one.expand(len(ablated), -1, -1, -1)
        with replace_output(evidence.layer.module, lambda output: _without(evidence, output, ablated)):
            return evidence.score(images, torch.full_like(ablated, image))

    channels = evidence.activations.shape[1]
    return query_in_chunks(query, channels, chunk_size or DEFAULT_CHUNK, evidence.model, evidence.images)


def _without(evidence: LayerEvidence, output: Tensor, channels: Tensor) -> Tensor:
    """Copy the layer's output once per channel and set that channel to 0."""
    # Converting the indices to maps shows where each channel's values are, whatever the output's layout.
    indices = torch.arange(output[0].numel(), device=output.device).view(1, *output.shape[1:])
    of_channel = evidence.layer.to_maps(indices, evidence.image_size)[0].flatten(1)
    copies = output.expand(len(channels), *output.shape[1:]).reshape(len(channels), -1).clone()
    return copies.scatter_(1, of_channel[channels], 0).view(len(channels), *output.shape[1:])


def _can_copy_at_the_layer(evidence: LayerEvidence) -> bool:
    """Return True if copies of one image, made at the target layer's output, get the image's logits."""
    with replace_output(evidence.layer.module, lambda output: output.repeat_interleave(2, dim=0)):
        try:
            logits = evidence.forward(evidence.images[:1])
        except RuntimeError:  # the batch size reaches later layers by another way than the layer's output
            return False
    expected = evidence.logits[:1].expand(2, -1)
    return logits.shape == expected.shape and torch.allclose(logits, expected, rtol=1e-3, atol=1e-3)


@register_explainer("ablation-cam")
@dataclass(frozen=True)
class AblationCAM(LayerExplainer):
    """Ablation-CAM: channels weighted by the share of the score that is lost without them.

    Desai, Ramaswamy 2020, Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
    Localization (WACV 2020), equation 3: ``w_k = (y_c - y_c^k) / y_c``, where channel k is set to 0 for ``y_c^k``.
    The division is by the magnitude of ``y_c``, so that a class with a negative logit keeps its signs. Costs one
    forward pass, and one of the layers after the target layer for every channel.

    Args:
        chunk_size: Ablations per forward pass; 32 by default, fewer where memory is short.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of layers.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Example:
        >>> import torchvision
        >>> AblationCAM()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="queries",
        paper=(
            "[Desai 2020]("
            "https://openaccess.thecvf.com/content_WACV_2020/html/Desai_Ablation-CAM_Visual_Explanations_for_Deep"
            "_Convolutional_Network_via_Gradient-free_Localization_WACV_2020_paper.html)"
        ),
        passes="1, and the layers after the target layer K times",
        needs="spatial features",
        oracle="pytorch-grad-cam",
    )

    chunk_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_chunk_size(self.chunk_size)

    @property
    def shares_queries(self) -> bool:
        """Return True: the ablations are the same for every target."""
        return True

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Compute the share of the score that is lost without each channel, (N, K)."""
        score = evidence.target.score(at_least_float32(evidence.logits))[:, None]
        return (score - ablated_scores(evidence, self.chunk_size)) / score.abs()
