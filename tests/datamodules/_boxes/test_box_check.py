"""Checks of boxes and of the sizes of annotated images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from camaug.datamodules import ObjectPair
from camaug.datamodules._boxes.annotations import Box
from camaug.datamodules._boxes.box_check import fit_box
from tests.datamodules.box_data import (
    boxes_module,
    draw,
    draw_module,
    edit_coco,
    omission_counts,
)


def store_turned(root: Path) -> None:
    """Store scene "a" rotated, with an EXIF orientation that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(root / "images/a.png") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(root / "images/a.png", exif=exif)


def test_boxes_fit_an_image_that_its_exif_orientation_turns(tmp_path):
    data = draw_module(tmp_path)
    store_turned(tmp_path)
    batch = next(iter(data.predict_dataloader()))
    assert torch.equal(batch.images[0, 0] > 0.5, batch.masks([ObjectPair(0, 0)])[0])
    edit_coco(tmp_path, lambda content: content["images"][0].update(width=40, height=60))
    with pytest.raises(ValueError, match=r"(?s)1 of 3 images cannot .*a.png: the annotation is of an image of 40 × 60, "
                       r"the image is 60 × 40; is it annotated as stored, .* EXIF .*`on_bad_image: skip`"):  # fmt: skip
        boxes_module(tmp_path).boxes_dataset()


def test_boxes_that_exceed_the_image_by_a_pixel_are_clipped():
    assert fit_box(Box(-1, -0.2, 60.4, 41, "dog"), 60, 40) == Box(0, 0, 60, 40, "dog")


@pytest.mark.parametrize(
    ("bbox", "message"),
    [
        ([50, 5, 12, 5], r"\(50, 5, 62, 10\) reaches 2 pixels out of the image of 60 × 40"),
        ([-3, 5, 12, 5], "reaches 3 pixels out"),
        ([5, 30, 12, 15], "reaches 5 pixels out"),
        ([5, 5, 0, 5], r"\(5, 5, 5, 10\) has no area"),
        ([5, 5, 4, -2], "has no area"),
    ],
)
def test_bad_boxes_are_refused_or_left_out(tmp_path, bbox, message):
    draw(tmp_path)
    edit_coco(tmp_path, lambda content: content["annotations"][1].update(bbox=bbox))
    with pytest.raises(ValueError, match=rf"(?s)1 of 6 boxes cannot be used.*a.png, box 1 \(cat\): .*{message}.*"
                       "leave them out with `on_bad_box: skip`"):  # fmt: skip
        boxes_module(tmp_path).boxes_dataset()
    with pytest.warns(UserWarning, match=rf"(?s){message}.*They are left out"):
        assert omission_counts(boxes_module(tmp_path, on_bad_box="skip")) == {"bad boxes": 1}


def test_an_image_of_another_size_than_annotated_is_refused(tmp_path):
    draw(tmp_path)
    edit_coco(tmp_path, lambda content: content["images"][1].update(width=72, height=100))
    with pytest.raises(ValueError, match=r"b.png: the annotation is of an image of 72 × 100, the image is 36 × 50\n"):
        boxes_module(tmp_path).boxes_dataset()
