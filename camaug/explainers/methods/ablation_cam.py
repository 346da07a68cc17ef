"""Ablation-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.queries import check_chunk_size, in_chunks
from camaug.explainers.registry import register_explainer
from camaug.functional.precision import at_least_float32
from camaug.inspection.capture import replace_output

__all__ = ["AblationCAM", "ablated_scores"]

DEFAULT_CHUNK = 32  # many at once: the layers before the target layer run once a chunk


def ablated_scores(evidence: LayerEvidence, chunk_size: int | None = None) -> Tensor:
    """The score of each image where one channel of the target layer is set to 0, for every channel.

    Where the model allows it, the layers before the target layer see each image once a chunk, and only those after it
    see every ablation.

    Args:
        evidence: The evidence.
        chunk_size: Ablations in one forward pass; at least 32 by default.

    Returns:
        Scores (N, K).
    """
    multiply_behind = _may_multiply_behind(evidence)
    scores = [_ablate(evidence, image, chunk_size, multiply_behind) for image in range(len(evidence.images))]
    return torch.stack(scores)


def _ablate(evidence: LayerEvidence, image: int, chunk_size: int | None, multiply_behind: bool) -> Tensor:
    """The scores of one image, (K,)."""

    def query(part: slice) -> Tensor:
        ablated = torch.arange(part.start, part.stop, device=evidence.images.device)
        one = evidence.images[image, None]
        images = one if multiply_behind else one.expand(len(ablated), -1, -1, -1)
        with replace_output(evidence.layer.module, lambda output: _without(evidence, output, ablated)):
            return evidence.score(images, torch.full_like(ablated, image))

    channels = evidence.activations.shape[1]
    return torch.cat(list(in_chunks(query, channels, chunk_size or DEFAULT_CHUNK)))


def _without(evidence: LayerEvidence, output: Tensor, channels: Tensor) -> Tensor:
    """A copy of the layer's output for each of the channels, in which it is 0."""
    # Where in the output a channel's places are, however it is arranged, is seen by arranging the positions.
    positions = torch.arange(output[0].numel(), device=output.device).view(1, *output.shape[1:])
    places = evidence.layer.to_maps(positions, evidence.image_size)[0].flatten(1)
    copies = output.expand(len(channels), *output.shape[1:]).reshape(len(channels), -1).clone()
    return copies.scatter_(1, places[channels], 0).view(len(channels), *output.shape[1:])


def _may_multiply_behind(evidence: LayerEvidence) -> bool:
    """Whether the model gives each copy of one image its logits if the copies are made at the target layer."""
    with replace_output(evidence.layer.module, lambda output: output.repeat_interleave(2, dim=0)):
        try:
            logits = evidence.forward(evidence.images[:1])
        except RuntimeError:  # something besides the layer's output carries the batch's size past it
            return False
    expected = evidence.logits[:1].expand(2, -1)
    return logits.shape == expected.shape and torch.allclose(logits, expected, rtol=1e-3, atol=1e-3)


@register_explainer("ablation-cam")
@dataclass(frozen=True)
class AblationCAM(LayerExplainer):
    """Ablation-CAM: each channel weighted by the share of the score that is lost without it.

    Desai, Ramaswamy 2020, Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
    Localization (WACV 2020), equation 3: ``w_k = (y_c - y_c^k) / y_c``, where channel k is set to 0 for ``y_c^k``.
    Divided by the magnitude of ``y_c``, so that a class of negative logit keeps its signs. Costs one forward pass,
    and for every channel one of the layers after the target layer.

    Args:
        chunk_size: Ablations in one forward pass; at least 32 by default.
        layer: The target layer: None to find it, a name, or a module of the model; or a list of those.
        fuse: How the maps of several layers become one.

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

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """The share of the score that is lost without each channel, (N, K)."""
        score = evidence.target.score(at_least_float32(evidence.logits))[:, None]
        return (score - ablated_scores(evidence, self.chunk_size)) / score.abs()
