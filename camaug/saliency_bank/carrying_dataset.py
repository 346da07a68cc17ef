"""The user's data set with a saliency map beside each item of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.data import Dataset, Subset

from camaug.saliency_bank.map_carrier import MapCarrier
from camaug.saliency_bank.shard import Maps
from camaug.saliency_bank.user_transform import user_transform, with_transform

__all__ = ["Carried", "CarryingDataset"]


class Carried(NamedTuple):
    """An item of the user's data set, and the map that was carried with its image.

    Attributes:
        item: The data set's item.
        map: (H, W) uint8, at the size of the transformed image; None where no maps are served.
    """

    item: Any
    map: Tensor | None


class CarryingDataset(Subset[Any]):
    """The user's data set, item for item, whose batches come with their maps when a data loader fetches them.

    The user's object is not changed: a shallow copy has a transform that carries the image's map along. Attributes and
    single items are the user's own.

    Args:
        dataset: With a ``transform`` of torchvision's v2, itself or inside of ``Subset``s.
        read: From an image's index to its map (h, w), uint8, or None.

    Raises:
        ValueError: If the data set has no ``transform``, or one that takes no pair of image and mask.
    """

    def __init__(self, dataset: Dataset[Any], read: Callable[[int], Maps | None]) -> None:
        super().__init__(dataset, range(len(dataset)))  # type: ignore[arg-type]
        self._carrier = MapCarrier(user_transform(dataset))
        self._copy = with_transform(dataset, self._carrier)
        self._read = read

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Return the items with their maps, as a data loader fetches a batch."""
        return [Carried(*self._carrier.load(self._copy, int(index), self._read(int(index)))) for index in indices]

    def __getattr__(self, name: str) -> Any:
        """Return the user's own ``classes``, ``targets`` or any other attribute."""
        if name.startswith("__") or "dataset" not in vars(self):  # copying and unpickling read attributes before it
            raise AttributeError(name)
        return getattr(self.dataset, name)
