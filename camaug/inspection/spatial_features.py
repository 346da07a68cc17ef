"""The feature maps of a model's target layer."""

from __future__ import annotations

from torch import Tensor, nn

from camaug.inspection.capture import capture
from camaug.inspection.feature_maps import image_size
from camaug.inspection.neutral import neutral
from camaug.inspection.resolve_layer import resolve_layer
from camaug.inspection.trace import Forward
from camaug.inspection.unwrap import unwrap

__all__ = ["spatial_features"]


def spatial_features(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | nn.Module | None = None,
    forward: Forward | None = None,
) -> Tensor:
    """Compute the feature maps of a model's target layer.

    Args:
        model: Any classifier.
        images: Its inputs, (N, C, H, W).
        layer: The layer. None finds it (:func:`camaug.find_layer`).
        forward: The function from images to logits, by default the model itself.

    Returns:
        Feature maps of shape (N, K, h, w), detached.

    Example:
        >>> import torch, torchvision
        >>> spatial_features(torchvision.models.resnet18(), torch.zeros(2, 3, 64, 96)).shape
        torch.Size([2, 512, 2, 3])
    """
    model = unwrap(model)
    with neutral(model):
        target = resolve_layer(model, layer, images, forward=forward)
        with capture(target.module, gradients=False) as captured:
            (forward or model)(images)
        return target.to_maps(captured.output, image_size(images))
