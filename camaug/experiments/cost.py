"""What an explanation costs: forward passes and time."""

from __future__ import annotations

from torch import Tensor, nn

from camaug.utils.timing import now

__all__ = ["CountingForward", "now"]


class CountingForward:
    """A model's forward that counts the images it is asked about.

    Attributes:
        images: How many there were.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = self.__wrapped__ = model
        self.images = 0

    def __call__(self, images: Tensor) -> Tensor:
        """The model's answer."""
        self.images += len(images)
        answer: Tensor = self.model(images)
        return answer
