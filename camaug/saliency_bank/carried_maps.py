"""Carrying an image's map through the training data's transform, so that it belongs to the view that training sees."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset
from torchvision import tv_tensors
from torchvision.transforms import v2

from camaug.functional.masks import upsample
from camaug.saliency_bank.shard import Maps
from camaug.utils.dataset_layers import transformed_dataset

__all__ = ["Carried", "CarryingDataset", "untransformed", "untransformed_view", "view_size"]

COLOURS = (v2.RGB, v2.Grayscale)
KEPT = (*COLOURS, v2.ToImage, v2.PILToTensor, v2.ToDtype, v2.ConvertImageDtype, v2.Normalize, v2.ToPureTensor)
"""What a transform does without changing geometry, and not at random."""
ADVICE = "give the training data a torchvision.transforms.v2 transform, or leave the bank off (refresh_every_n_epochs)"


class Carried(NamedTuple):
    """An item of the user's data set, and the map that was carried with its image.

    Attributes:
        item: What the data set gives.
        map: (H, W) uint8, at the size of the transformed image; None where no maps are served.
    """

    item: Any
    map: Tensor | None


class CarryingDataset(Subset[Any]):
    """The user's data set, item for item; batches of it, as a data loader asks for them, come with their maps.

    The user's object is not touched: a shallow copy has a transform that takes the image's map along. Whoever looks at
    the data set, its attributes or its items sees the user's own.

    Args:
        dataset: With a ``transform`` of torchvision's v2, itself or inside of ``Subset``s.
        read: From an image's index to its map (h, w), uint8, or None.

    Raises:
        ValueError: If the data set has no ``transform``, or one that takes no pair of image and mask.
    """

    def __init__(self, dataset: Dataset[Any], read: Callable[[int], Maps | None]) -> None:
        super().__init__(dataset, range(len(dataset)))  # type: ignore[arg-type]
        self._carry = _Carry(_user_transform(dataset))
        self._copy = _with_transform(dataset, self._carry)
        self._read = read

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Items with their maps: what a data loader makes a batch of."""
        return [self._carried(int(index)) for index in indices]

    def _carried(self, index: int) -> Carried:
        return Carried(*self._carry.along(self._copy, index, self._read(index)))

    def __getattr__(self, name: str) -> Any:
        """The user's own ``classes``, ``targets`` and whatever else."""
        if name.startswith("__") or "dataset" not in vars(self):  # copying and unpickling ask before there is any
            raise AttributeError(name)
        return getattr(self.dataset, name)


class _Carry:
    """The user's transform, with the map that waits taken through it beside the image."""

    view: Any = None
    carried: Tensor | None = None

    def __init__(self, transform: v2.Transform) -> None:
        self.transform = transform
        self._warns = any(isinstance(part, v2.RandomErasing) for part in _parts(transform))
        self._waiting: Tensor | None = None
        self._calls = 0

    def along(self, dataset: Dataset[Any], index: int, small: Maps | None) -> tuple[Any, Tensor | None]:
        """The item at an index and its carried map."""
        self._waiting = None if small is None else torch.from_numpy(small.copy())
        self._calls, self.view, self.carried = 0, None, None
        item = dataset[index]
        carried, view = self.carried, self.view
        if self._calls != 1:
            raise ValueError(
                f"{type(dataset).__name__} called its `transform` {self._calls} times for item {index}, and the "
                f"saliency bank follows a single call: {ADVICE}"
            )
        if carried is not None:
            size = v2.functional.get_size(view)
            if size != list(carried.shape):
                raise ValueError(
                    f"the transform of {_owner(dataset)} made an image of {tuple(size)} and a mask of "
                    f"{tuple(carried.shape)} of item {index}, which no longer belong together: {ADVICE}"
                )
        return item, carried

    def __call__(self, image: Any) -> Any:
        self._calls += 1
        if self._waiting is None:
            self.view = self.transform(image)
            return self.view
        height, width = v2.functional.get_size(image)
        mask = tv_tensors.Mask(_enlarged(self._waiting, (height, width)))
        self.view, carried = self._both(image, mask)
        self.carried = carried.as_subclass(Tensor)
        return self.view

    def _both(self, image: Any, mask: Tensor) -> tuple[Tensor, Tensor]:
        try:
            if not self._warns:
                return self.transform(image, mask)  # type: ignore[no-any-return]
            with warnings.catch_warnings():
                # It says that the map passes through as it is, which is what is wanted.
                warnings.filterwarnings("ignore", message=".*RandomErasing.*passing through", category=UserWarning)
                return self.transform(image, mask)  # type: ignore[no-any-return]
        except Exception as error:
            raise ValueError(
                f"the transform could not take an image and its mask together ({error}): leave that part of it out, as "
                "RandAugment and its like, which take no masks, or leave the bank off (refresh_every_n_epochs)"
            ) from error


def view_size(dataset: Dataset[Any]) -> tuple[int, int]:
    """Try the first item: height and width of the images that training sees.

    Draws random numbers as an item does.

    Args:
        dataset: The user's data set.

    Raises:
        ValueError: If maps cannot be carried through its transform.
    """
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise ValueError(f"{type(dataset).__name__} is empty, and the saliency bank needs images")
    transform = _user_transform(dataset)
    view = _try(dataset, transform, np.full((2, 2), 255, dtype=np.uint8))
    if not isinstance(view, Tensor) or view.dim() != 3:
        given = tuple(view.shape) if isinstance(view, Tensor) else type(view).__name__
        raise ValueError(f"the transform of {_owner(dataset)} must give a tensor (C, H, W), got {given}: {ADVICE}")
    size = (int(view.shape[-2]), int(view.shape[-1]))
    whole = _try(dataset, untransformed_view(transform, size), None)
    if not isinstance(whole, Tensor) or (whole.dtype, whole.shape) != (view.dtype, view.shape):
        found = f"{whole.dtype} {tuple(whole.shape)}" if isinstance(whole, Tensor) else type(whole).__name__
        raise ValueError(
            f"the transform of {_owner(dataset)} makes {view.dtype} {tuple(view.shape)}, and what of it is not random "
            f"makes {found}: of that kind only {', '.join(part.__name__ for part in KEPT)} are known, use these to "
            "convert the images, or leave the bank off (refresh_every_n_epochs)"
        )
    return size


def untransformed(dataset: Dataset[Any], size: tuple[int, int]) -> Dataset[Any]:
    """The user's data set with the whole image in every item; the given one is left as it is.

    Args:
        dataset: The user's data set.
        size: Height and width of the images.
    """
    whole: Dataset[Any] = _with_transform(dataset, untransformed_view(_user_transform(dataset), size))
    return whole


def untransformed_view(transform: v2.Transform, size: tuple[int, int]) -> v2.Transform:
    """What a transform does to every image alike: the whole image at one size, in the type and values it is to have.

    Args:
        transform: The training data's.
        size: Height and width of the result.

    Example:
        >>> training = v2.Compose([v2.RandomResizedCrop(8), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
        >>> [type(part).__name__ for part in untransformed_view(training, (8, 8)).transforms]
        ['Resize', 'ToImage', 'ToDtype']
    """
    kept = [part for part in _parts(transform) if isinstance(part, KEPT)]
    # A picture with a palette has colours that can be mixed only once it is RGB.
    first = next((place for place, part in enumerate(kept) if not isinstance(part, COLOURS)), len(kept))
    return v2.Compose([*kept[:first], v2.Resize(list(size)), *kept[first:]])


def _try(dataset: Dataset[Any], transform: v2.Transform, small: Maps | None) -> Any:
    carry = _Carry(transform)
    carry.along(_with_transform(dataset, carry), 0, small)
    return carry.view


def _enlarged(small: Tensor, size: tuple[int, int]) -> Tensor:
    return upsample(small[None, None].float(), size)[0, 0].round().to(torch.uint8)


def _owner(dataset: Any) -> str:
    """Return the class name of the data set that owns the transform."""
    return type(transformed_dataset(dataset)).__name__


def _holds_transform(dataset: Any) -> bool:
    return hasattr(dataset, "transform") or not isinstance(dataset, Subset)


def _user_transform(dataset: Any) -> v2.Transform:
    dataset = transformed_dataset(dataset)
    if not hasattr(dataset, "transform"):
        raise ValueError(
            f"{type(dataset).__name__} has no attribute `transform` through which maps could be carried: {ADVICE}"
        )
    transform = v2.Identity() if dataset.transform is None else dataset.transform
    if not isinstance(transform, v2.Transform):
        raise ValueError(
            f"the transform of {type(dataset).__name__} is a {type(transform).__module__}.{type(transform).__name__}, "
            f"which takes an image and no mask with it: {ADVICE}"
        )
    _check_order(dataset, list(_parts(transform)))
    return transform


def _check_order(dataset: Any, parts: Sequence[Any]) -> None:
    """After ToPureTensor a mask can no longer be told from an image."""
    pure = next((place for place, part in enumerate(parts) if isinstance(part, v2.ToPureTensor)), len(parts))
    late = [type(part).__name__ for part in parts[pure:] if not isinstance(part, KEPT)]
    if late:
        raise ValueError(
            f"the transform of {type(dataset).__name__} has {', '.join(late)} after ToPureTensor, where a mask is not "
            "known as one: put ToPureTensor last"
        )


def _with_transform(dataset: Any, transform: Callable[[Any], Any]) -> Any:
    twin = copy.copy(dataset)
    if _holds_transform(dataset):
        twin.transform = transform
    else:
        twin.dataset = _with_transform(dataset.dataset, transform)
    return twin


def _parts(transform: Any) -> Iterator[Any]:
    if isinstance(transform, v2.Compose):
        for part in transform.transforms:
            yield from _parts(part)
    else:
        yield transform
