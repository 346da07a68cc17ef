"""FullGrad."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.functional.masks import normalise, upsample
from camaug.functional.precision import at_least_float32

__all__ = ["FullGrad", "full_gradients", "implicit_bias"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@register_explainer("full-grad")
@dataclass(frozen=True)
class FullGrad(Explainer):
    """FullGrad: contributions of image and biases to the score, ``L = psi(dy/dX * X) + sum_l sum_k psi(dy/db * b)``.

    Srinivas, Fleuret 2019, Full-Gradient Representation for Neural Network Visualization (arXiv 1905.00780),
    equations 4 and 5. The contributions sum to a ReLU network's score; psi is the magnitude, normalised to [0, 1] and
    enlarged to the image's size. Biases of convolutions and, implicitly, of batch-norms count; those of linear layers
    have no spatial position. Costs two forward passes and one backward pass.

    Example:
        >>> import torchvision
        >>> FullGrad()(torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)).maps.shape
        torch.Size([1, 64, 64])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="pixels",
        paper="[Srinivas 2019](https://arxiv.org/abs/1905.00780)",
        passes="2 + back",
        needs="biases of convolutions or batch-norms",
        oracle="pytorch-grad-cam",
        check="completeness",
    )

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the sum of the magnitudes of all contributions, (N, H, W)."""
        at_input, at_biases = full_gradients(evidence)
        size = evidence.image_size
        spatial = [each for each in at_biases if each.dim() == 4 and min(each.shape[2:]) > 1]
        if not spatial:
            raise ValueError(
                f"{self.name} shows the biases of convolutions and batch-norms, and {type(evidence.model).__name__} "
                f"has none with spatial positions: choose 'integrated-gradients' or 'grad-cam'"
            )
        maps = normalise(at_input.abs()).sum(dim=1)
        for contribution in spatial:
            # Each channel of a layer is normalised by itself; their sum is enlarged once.
            maps = maps + upsample(normalise(contribution.abs()).sum(dim=1, keepdim=True), size)[:, 0]
        return maps


def full_gradients(evidence: Evidence) -> tuple[Tensor, list[Tensor]]:
    """Compute the contributions of the input and of every bias, whose sum is a ReLU network's score.

    Args:
        evidence: The evidence.

    Returns:
        ``dy/dX * X``, (N, C, H, W), and ``dy/db * b`` at each position of each layer with a bias, (N, K, ...);
        at least float32.
    """
    images = evidence.images.detach().clone().requires_grad_()
    with torch.enable_grad(), _outputs_with_bias(evidence.model) as kept:
        score = evidence.score(images).sum()
        outputs = [output for output, _ in kept]
        at_images, *gradients = torch.autograd.grad(score, [images, *outputs], allow_unused=True)
    contributions = [
        at_least_float32((gradient * bias).detach())
        for gradient, (_, bias) in zip(gradients, kept, strict=True)
        if gradient is not None
    ]
    return at_least_float32((at_images * images).detach()), contributions


def implicit_bias(module: nn.Module) -> Tensor | None:
    """Return the constant that a layer adds to its output, (K,), or None if it adds none.

    A batch-norm in evaluation mode adds ``beta - gamma * mean / sqrt(variance + eps)``.
    """
    if isinstance(module, _NORMS) and module.running_mean is not None and module.running_var is not None:
        scale = (module.running_var + module.eps).rsqrt()
        if module.weight is not None:
            scale = scale * module.weight.detach()
        shift = -module.running_mean * scale
        return shift if module.bias is None else shift + module.bias.detach()
    if isinstance(module, (*_CONVOLUTIONS, nn.Linear)) and module.bias is not None:
        return module.bias.detach()
    return None


@contextmanager
def _outputs_with_bias(model: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Yield a list that the forward pass inside fills with the output and bias of every layer that adds a bias."""
    kept: list[tuple[Tensor, Tensor]] = []
    handles = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        bias = implicit_bias(module)
        if bias is not None and output.requires_grad:
            spatial = 0 if isinstance(module, nn.Linear) else output.dim() - 2  # dimensions after the channels
            kept.append((output, bias.view(-1, *[1] * spatial)))
        # An in-place activation after the layer would overwrite the output that the gradient refers to.
        return output.clone()

    try:
        for module in model.modules():
            if isinstance(module, (*_CONVOLUTIONS, *_NORMS, nn.Linear)):
                handles.append(module.register_forward_hook(keep))
        yield kept
    finally:
        for handle in handles:
            handle.remove()
