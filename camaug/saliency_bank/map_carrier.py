"""A saliency map carried through the training transform together with its image."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from camaug.functional.masks import upsample
from camaug.saliency_bank.shard import Maps
from camaug.saliency_bank.user_transform import ADVICE, leaf_transforms, transform_owner

__all__ = ["MapCarrier"]


class MapCarrier:
    """The user's transform, applied to an image and its pending map together.

    Args:
        transform: The user's transform.

    Attributes:
        view: The last transformed image.
        carried: The last transformed map, (H, W) uint8; None without a map.
    """

    view: Any = None
    carried: Tensor | None = None

    def __init__(self, transform: v2.Transform) -> None:
        self.transform = transform
        self._warns = any(isinstance(part, v2.RandomErasing) for part in leaf_transforms(transform))
        self._pending: Tensor | None = None
        self._calls = 0

    def load(self, dataset: Dataset[Any], index: int, small: Maps | None) -> tuple[Any, Tensor | None]:
        """Return the item at an index and its carried map, if it has a map.

        Args:
            dataset: A data set whose transform is this object.
            index: The item's index.
            small: The image's map (h, w), uint8; None without a map.

        Raises:
            ValueError: If the transform cannot take an image and its map together.
        """
        self._pending = None if small is None else torch.from_numpy(small.copy())
        self._calls, self.view, self.carried = 0, None, None
        item = dataset[index]
        if self._calls != 1:
            raise ValueError(
                f"{type(dataset).__name__} called its `transform` {self._calls} times for item {index}, and the "
                f"saliency bank follows a single call: {ADVICE}"
            )
        if self.carried is not None:
            size = v2.functional.get_size(self.view)
            if size != list(self.carried.shape):
                raise ValueError(
                    f"the transform of {transform_owner(dataset)} made an image of {tuple(size)} and a mask of "
                    f"{tuple(self.carried.shape)} of item {index}, which no longer belong together: {ADVICE}"
                )
        return item, self.carried

    def __call__(self, image: Any) -> Any:
        """Transform an image as the user's transform does, and its pending map with it."""
        self._calls += 1
        if self._pending is None:
            self.view = self.transform(image)
            return self.view
        mask = tv_tensors.Mask(_enlarge(self._pending, v2.functional.get_size(image)))
        self.view, carried = self._transform_both(image, mask)
        self.carried = carried.as_subclass(Tensor)
        return self.view

    def _transform_both(self, image: Any, mask: Tensor) -> tuple[Tensor, Tensor]:
        try:
            if not self._warns:
                return self.transform(image, mask)  # type: ignore[no-any-return]
            with warnings.catch_warnings():
                # The warning is that the map passes through unchanged, as it should.
                warnings.filterwarnings("ignore", message=".*RandomErasing.*passing through", category=UserWarning)
                return self.transform(image, mask)  # type: ignore[no-any-return]
        except Exception as error:
            raise ValueError(
                f"the transform could not take an image and its mask together ({error}): leave that part of it out, as "
                "RandAugment and others that take no masks, or leave the bank off (refresh_every_n_epochs)"
            ) from error


def _enlarge(small: Tensor, size: list[int]) -> Tensor:
    return upsample(small[None, None].float(), (size[0], size[1]))[0, 0].round().to(torch.uint8)
