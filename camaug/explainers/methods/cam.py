"""CAM: class activation mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.functional.precision import at_least_float32
from camaug.inspection.model_output import head_widths

__all__ = ["CAM", "pooled_head"]


def pooled_head(model: nn.Module, activations: Tensor, logits: Tensor) -> Tensor | None:
    """Find the weights of a head that is global average pooling and one linear layer.

    The layer is recognised by its output: ``W mean_ij(A) + b`` must equal the logits.

    Args:
        model: The classifier.
        activations: The target layer's feature maps, (N, K, u, v).
        logits: (N, classes).

    Returns:
        W, (classes, K); None if no linear layer or 1 x 1 convolution of the model computes the logits this way.
    """
    pooled, logits = activations.mean(dim=(2, 3)), at_least_float32(logits)
    largest = logits.abs().amax()
    tolerance = 1e-2 * torch.where(largest == 0, 1, largest)
    shapes = [(width, pooled.shape[1]) for width in head_widths(logits)]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and module.weight.shape[:2] in shapes:
            weight = module.weight.detach().to(logits).flatten(1)
            bias = logits.new_zeros(len(weight)) if module.bias is None else module.bias.detach().to(logits)
            if weight.shape[1] != pooled.shape[1]:
                continue
            if len(weight) == 1:  # see read_logits
                weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
            if (pooled @ weight.T + bias - logits).abs().amax() <= tolerance:
                return weight
    return None


@register_explainer("cam")
@dataclass(frozen=True)
class CAM(LayerExplainer):
    """CAM: channels weighted by the classifier's own weights, ``L = ReLU(sum_k W[c, k] A_k)``.

    Zhou et al. 2016, Learning Deep Features for Discriminative Localization (arXiv 1512.04150), equation 2. The head
    must be global average pooling and one linear layer, as in ResNets. Costs one forward pass.

    Args:
        layer: The target layer: None to find it, a name, or a module of the model.
        fuse: Fusion of the maps of several layers: ``"mean"``, ``"max"`` or ``"product"``.

    Raises:
        ValueError: At the call, if the model has another head, or a function is explained instead of a class.

    Example:
        >>> import torch, torchvision
        >>> CAM()(torchvision.models.resnet18(), torch.rand(2, 3, 64, 64)).maps.shape
        torch.Size([2, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer",
        paper="[Zhou 2016](https://arxiv.org/abs/1512.04150)",
        passes="1",
        needs="global average pooling and one linear layer as head",
        oracle="torchcam",
    )

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Return the linear layer's weights of the explained class, (N, K)."""
        classes = evidence.target.require_classes(self.name)
        weights = pooled_head(evidence.model, evidence.activations, evidence.logits)
        if weights is None:
            raise ValueError(
                f"{self.name} needs a model whose logits are one linear layer on the average of its target layer, and "
                f"at {evidence.layer.name!r} {type(evidence.model).__name__} is not: choose 'grad-cam', which is "
                "CAM where CAM is defined and works for any head"
            )
        return weights[classes]
