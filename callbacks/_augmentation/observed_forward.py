"""Forward function of a module whose classifier is found by observing a training step."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

__all__ = ["ObservedForward"]


class ObservedForward:
    """Function from images to the output of a submodule, which is set once it is known."""

    def __init__(self) -> None:
        self._classifier: tuple[nn.Module, ...] = ()  # a tuple, so that a module which owns this does not register it

    @property
    def is_known(self) -> bool:
        """True if the submodule is known."""
        return bool(self._classifier)

    def use(self, classifier: nn.Module) -> None:
        """Set the submodule."""
        self._classifier = (classifier,)

    def __call__(self, images: Tensor) -> Any:
        """Return the submodule's output for images (N, C, H, W)."""
        return self._classifier[0](images)
