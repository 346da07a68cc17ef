"""`CountingForward`, which counts the images that an explanation method queries."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["CountingForward"]


class CountingForward:
    """A model's forward pass that counts its images.

    Attributes:
        images: Number of images so far.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = self.__wrapped__ = model
        self.images = 0

    def __call__(self, images: Tensor) -> Tensor:
        """Call the model and count the images, unless it fails, as a pass that is out of memory does."""
        logits: Tensor = self.model(images)
        self.images += len(images)
        return logits
