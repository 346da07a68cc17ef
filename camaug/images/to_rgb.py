"""`ToRGB`, the first step of transforms of PIL images."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from torchvision.transforms import v2

from .eight_bits import ValueRange, check_value_range, to_eight_bits
from .over_white import over_white

__all__ = ["ToRGB"]


class ToRGB(v2.RGB):
    """Conversion to RGB of images of any mode.

    Values of more than 8 bits keep their tones, where torchvision would clip them at 255, and transparent pixels become
    white, where it would show the colour that they hide.

    Args:
        value_range: Values of black and white in images of more than 8 bits
            (:func:`camaug.images.eight_bits.to_eight_bits`).

    Raises:
        ValueError: If the range is impossible, or an image has values outside the usual range and there is none.

    Example:
        >>> ramp = Image.fromarray(np.array([[0, 256, 65535]], np.uint16))
        >>> np.asarray(ToRGB()(ramp))[0, :, 0].tolist()
        [0, 1, 255]
    """

    def __init__(self, value_range: ValueRange | None = None) -> None:
        super().__init__()
        check_value_range(value_range)
        self.value_range = value_range

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return the image in RGB."""
        if isinstance(inpt, Image.Image) and inpt.mode[0] in "IF":
            inpt = Image.fromarray(to_eight_bits(np.asarray(inpt), self.value_range))
        if isinstance(inpt, Image.Image):
            return over_white(inpt)
        return super().transform(inpt, params)
