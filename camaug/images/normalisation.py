"""Mean and standard deviation by which images were normalised, read from objects of many kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch

from camaug.utils.dataset_layers import transform_parts

__all__ = ["Normalisation", "channel_values", "read_normalisation"]


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel, or one of all channels, or None where they are unknown."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def is_known(self) -> bool:
        """True if both are known."""
        return self.mean is not None and self.std is not None

    @property
    def white(self) -> float:
        """Value of white before the normalisation: 255 where the statistics are those of 8-bit values, else 1."""
        if self.mean is None or self.std is None:
            return 1.0
        are_of_8_bits = min(self.std) > 16 and max(self.std) <= 255 and min(self.mean) >= 0 and max(self.mean) <= 255
        return 255.0 if are_of_8_bits else 1.0

    def check(self, channels: int) -> None:
        """Raise a ValueError if the number of values is neither one nor the number of channels."""
        for name, values in self._asdict().items():
            if values is not None and len(values) not in (1, channels):
                raise ValueError(
                    f"the `{name}` of the normalisation has {len(values)} values and the images have {channels} "
                    f"{'channel' if channels == 1 else 'channels'}"
                )

    def fits(self, channels: int) -> bool:
        """Return True if there is one value, or one for each channel, or none."""
        return all(values is None or len(values) in (1, channels) for values in self)


def read_normalisation(*sources: Any) -> Normalisation:
    """Return the normalisation of the first of several objects that has one, or an unknown one.

    It is read from the attributes or keys ``mean`` and ``std``, from timm's ``data_config``, or from a ``Normalize`` of
    torchvision or kornia in a transform.

    Args:
        *sources: Data modules, data sets, transforms or mappings. None is passed over.

    Example:
        >>> from torchvision.transforms import v2
        >>> read_normalisation(None, v2.Compose([v2.Compose([v2.Normalize([0.5], [0.25])])]))
        Normalisation(mean=(0.5,), std=(0.25,))
    """
    for source in sources:
        for part in _parts(source):
            found = Normalisation(channel_values(_member(part, "mean")), channel_values(_member(part, "std")))
            if found.is_known:
                return found
    return Normalisation()


def channel_values(values: Any) -> tuple[float, ...] | None:
    """Return one number for each channel, or None where the values are no numbers.

    Args:
        values: A number, a sequence, an array or a tensor of shape (), (C,), (C, 1, 1) or (1, C, 1, 1).

    Example:
        >>> channel_values(0.5), channel_values(torch.tensor([[[0.5]], [[0.25]]])), channel_values(None)
        ((0.5,), (0.5, 0.25), None)
    """
    if values is None or callable(values) or isinstance(values, str | Mapping):
        return None
    try:
        tensor = torch.as_tensor(values, dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError):
        return None
    is_per_channel = 0 < tensor.numel() == max(tensor.shape, default=1)
    return tuple(tensor.flatten().tolist()) if is_per_channel else None


def _parts(source: Any) -> Iterator[Any]:
    yield source
    yield _member(source, "data_config")
    for transform in transform_parts(source):
        if type(transform).__name__.startswith("Normalize"):  # kornia's noise has a mean and std, too
            yield from (transform, _member(transform, "flags"))


def _member(source: Any, name: str) -> Any:
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
