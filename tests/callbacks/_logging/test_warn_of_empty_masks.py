"""Warning about probe images without an object."""

from __future__ import annotations

import warnings

import pytest
import torch

from camaug.callbacks._logging.probes import Probes
from camaug.callbacks._logging.warn_of_empty_masks import warn_of_empty_masks


def probes(masks) -> Probes:
    count = 12
    return Probes([torch.rand(count, 3, 4, 4)], list(range(count)), [torch.zeros(count)], masks)


def test_images_with_an_empty_mask_are_listed():
    masks = [torch.full((4, 4), index > 9) for index in range(12)]
    with pytest.warns(UserWarning, match=r"^Callback: the masks of 10 of the 12 images .*\[0, 1, .*, 7\] and others"):
        warn_of_empty_masks("Callback", probes(masks))


@pytest.mark.parametrize("masks", [None, [torch.ones(4, 4) > 0] * 12])
def test_no_warning_without_empty_masks(masks):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_empty_masks("Callback", probes(masks))
