"""Average drop and increase in confidence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics.confidence import confidence, target_probability
from camaug.metrics.mean_over_images import ModelMetric

__all__ = ["AverageDrop", "confidence_drop"]


def confidence_drop(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the share of the confidence that is lost, and whether the confidence grew.

    Chattopadhay et al. 2018, Grad-CAM++ (arXiv 1710.11063), section 4.1: ``max(0, Y - O) / Y`` and ``Y < O``.

    Args:
        before: Confidence Y in the image, (N,).
        after: Confidence O in the image seen through its map, (N,).

    Returns:
        The drop (N,), in [0, 1], and the increase (N,), 0 or 1.

    Example:
        >>> confidence_drop(torch.tensor([0.8, 0.5]), torch.tensor([0.2, 0.6]))
        (tensor([0.7500, 0.0000]), tensor([0., 1.]))
    """
    drop = (before - after).clamp(min=0) / torch.where(before > 0, before, 1)
    return drop, (after > before).to(before.dtype)


class AverageDrop(ModelMetric):
    """Average drop and increase in confidence when an image is seen through its map.

    Chattopadhay et al. 2018, Grad-CAM++ (arXiv 1710.11063), section 4.1. The image is multiplied by the map.
    ``compute`` returns ``average_drop`` (lower is better) and ``increase``, the share of images whose confidence grows
    (higher is better), both in [0, 1].

    Args:
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Example:
        >>> import torchvision
        >>> metric, images = AverageDrop(), torch.rand(2, 3, 64, 64)
        >>> metric.update(torchvision.models.resnet18(), images, torch.rand(2, 64, 64))
        >>> sorted(metric.compute())
        ['average_drop', 'increase']
    """

    values = ("average_drop", "increase")

    def measure(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        """Compute the drop and the increase of each image, (N,)."""
        forward = LogitsForward(self.forward_function or model)
        with neutral(unwrap(model)):
            before, after = forward(images), forward(images * maps[:, None].to(images.dtype))
        targets = before.argmax(dim=1) if targets is None else targets
        drop, increase = confidence_drop(confidence(before, targets), target_probability(after, targets))
        return {"average_drop": drop, "increase": increase}
