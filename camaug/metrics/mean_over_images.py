"""Base classes of metrics whose values are means over images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from camaug.metrics.checks import check_maps, require_images
from camaug.utils.check_types import check_types

__all__ = ["MeanOverImages", "ModelMetric"]


class MeanOverImages(Metric):
    """Base class of metrics that average values over images.

    A subclass names its values in :attr:`values` and passes those of each batch to :meth:`add`.

    Args:
        **kwargs: Arguments of TorchMetrics' ``Metric``.
    """

    full_state_update = False
    values: ClassVar[tuple[str, ...]]
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in self.values:
            self.add_state(name, torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def add(self, *, counted: Tensor | None = None, **values: Tensor) -> None:
        """Add the values of N images, a tensor (N,) for each name in :attr:`values`.

        Args:
            counted: Boolean tensor (N,), False for images that are left out. None counts all of them.
            **values: The values.
        """
        for name, value in values.items():
            value = value if counted is None else torch.where(counted, value, 0)
            setattr(self, name, getattr(self, name) + value.sum())
        self.count += len(next(iter(values.values()))) if counted is None else counted.sum()

    def compute(self) -> dict[str, Tensor]:
        """Compute the means over all images.

        Raises:
            ValueError: If there were no images.
        """
        require_images(self, self.count)
        return {name: getattr(self, name) / self.count for name in self.values}


class ModelMetric(MeanOverImages):
    """Base class of metrics that call the model on changed images.

    A subclass overrides :meth:`measure`.

    Args:
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
        **kwargs: Arguments of TorchMetrics' ``Metric``.
    """

    def __init__(self, *, forward: Callable[[Tensor], Tensor] | None = None, **kwargs: Any) -> None:
        check_types(ModelMetric.__init__, locals())
        super().__init__(**kwargs)
        self.forward_function = forward

    @abstractmethod
    def measure(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        """Compute the values of each image, (N,) for each name in :attr:`values`."""

    def update(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None = None) -> None:
        """Add images.

        Args:
            model: The classifier; its state is left unchanged.
            images: (N, C, H, W).
            maps: (N, H, W).
            targets: The explained classes, (N,); None for the predicted classes.

        Raises:
            ValueError: If maps, images and targets do not match.
        """
        check_maps(maps, images)
        if len(images) > 0:
            self.add(**self.measure(model, images, maps, targets))
