"""Drawn images without a transform."""

from __future__ import annotations

from torchvision.transforms import v2

from camaug.datamodules import ShapesDataset


def raw_shapes(size: int = 24, **settings) -> ShapesDataset:
    """Return a data set of untransformed images, uint8."""
    return ShapesDataset(size, v2.PILToTensor(), **settings)
