"""`ImageDisplay`, the conversion of a model's inputs to the images that a callback shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import lightning as L
from torch import Tensor

from camaug.images.bands import choose_bands, describe_bands
from camaug.images.denormalise import denormalise
from camaug.images.normalisation import Normalisation

from .find_normalisation import find_normalisation

__all__ = ["ImageDisplay"]


class ImageDisplay(NamedTuple):
    """Conversion of a model's inputs to RGB images.

    Attributes:
        normalisation: Mean and standard deviation by which the inputs were normalised.
        bands: Indices of the channels that are shown, None for the first ones.
    """

    normalisation: Normalisation = Normalisation()
    bands: Sequence[int] | None = None

    @classmethod
    def find(
        cls,
        trainer: L.Trainer,
        dataset: Any,
        channels: int,
        warn: Callable[[str], None],
        *,
        given: Normalisation | None = None,
        bands: Sequence[int] | None = None,
    ) -> ImageDisplay:
        """Return the display of images with a number of channels.

        Args:
            trainer: The Trainer.
            dataset: The images' data set, or None.
            channels: Number of channels of the images.
            warn: Function that gets a sentence about a setting that does not fit the images and is ignored.
            given: The user's normalisation. By default the data's.
            bands: The user's choice of bands.
        """
        normalisation = find_normalisation(trainer, dataset, channels, given=given, warn=warn)
        try:
            choose_bands(bands, channels)
        except ValueError as error:
            warn(f"{error}. {describe_bands(None, channels).capitalize() or 'All channels'} are shown")
            bands = None
        return cls(normalisation, bands)

    def to_rgb(self, images: Tensor) -> Tensor:
        """Return inputs (N, C, H, W) as images (N, 3, H, W) in [0, 1]."""
        return denormalise(images, *self.normalisation, self.bands)

    def describe_bands(self, channels: int) -> str:
        """Return the names of the shown bands, or an empty string if they are the whole image."""
        return describe_bands(self.bands, channels)
