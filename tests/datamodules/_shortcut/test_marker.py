from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from camaug.datamodules._shortcut.marker import Marker

CLASSES = ["ant", "bee", "a class with a very long name that has to fit"]
SIZE = (120, 80)


def marker(kind: str = "patch", position: str = "bottom-right", size: float = 0.2, crop_pct: float = 0.875) -> Marker:
    return Marker(kind, CLASSES, position, size, crop_pct)


def covered(mask: torch.Tensor) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the pixels of a mask, right and bottom exclusive."""
    rows, columns = torch.nonzero(mask, as_tuple=True)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_patch_is_in_the_corner_of_the_square_that_evaluation_crops():
    # The square has a side of 0.875 × 80 = 70 pixels, from (25, 5) to (95, 75), and the patch one of 0.2 × 70 = 14.
    mask = marker().mask(SIZE, 0, "key")
    assert covered(mask) == (81, 61, 95, 75)
    assert mask.sum() == 14 * 14


def test_a_frame_is_a_quarter_as_thick_and_leaves_its_inside_as_it_is():
    mask = marker("frame", size=0.4).mask(SIZE, 0, "key")
    assert covered(mask) == (25, 5, 95, 75)
    assert mask.sum() == 70 * 70 - (70 - 2 * 7) ** 2


@pytest.mark.parametrize("kind", ["patch", "frame", "text"])
@pytest.mark.parametrize("position", ["top-left", "centre", "random"])
def test_painting_changes_the_pixels_of_the_mask_and_no_others(kind, position):
    image = Image.new("RGB", SIZE, (100, 110, 120))
    for label in range(3):
        painted = marker(kind, position).paint(image, label, "key")
        changed = torch.from_numpy((np.asarray(painted) != np.asarray(image)).any(axis=2))
        mask = marker(kind, position).mask(SIZE, label, "key")
        assert torch.equal(changed, mask)
        left, top, right, bottom = covered(mask)
        assert (left >= 25, top >= 5, right <= 95, bottom <= 75) == (True,) * 4
    assert image.getextrema() == ((100, 100), (110, 110), (120, 120))


@pytest.mark.parametrize("kind", ["patch", "frame", "text"])
def test_each_class_has_a_mark_of_its_own(kind):
    image = Image.new("RGB", SIZE, (100, 110, 120))
    marks = {marker(kind).paint(image, label, "key").tobytes() for label in range(3)}
    assert len(marks) == 3


def test_random_positions_depend_on_the_key_alone():
    masks = [marker(position="random").mask(SIZE, 0, key) for key in ("a", "b", "a")]
    assert torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize("kind", ["patch", "frame", "text"])
def test_marks_fit_into_the_smallest_images(kind):
    image = Image.new("RGB", (3, 2), (100, 110, 120))
    assert marker(kind, size=1.0).paint(image, 2, "key").size == (3, 2)
    assert marker(kind, size=1.0).mask((3, 2), 2, "key").shape == (2, 3)
