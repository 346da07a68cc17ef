"""Boxes after the transform of their image."""

from __future__ import annotations

import pytest
import torch

from tests.datamodules.box_data import (
    COLOURS,
    Scene,
    Thing,
    draw_module,
    omission_counts,
)


@pytest.mark.parametrize("crop_pct", [None, 1.0, 0.8])
@pytest.mark.parametrize("image_size", [24, 37])
def test_boxes_contain_exactly_the_pixels_of_their_object(tmp_path, crop_pct, image_size):
    """The image is the oracle: the object is in the rows and columns with more than half of its colour.

    Single pixels cannot be compared, because the two halves are multiplied at a corner.
    """
    data = draw_module(tmp_path, crop_pct=crop_pct, image_size=image_size)
    seen = 0
    for batch in data.predict_dataloader():
        for pair, mask in zip(batch.pairs(), batch.masks(batch.pairs()), strict=True):
            channel = COLOURS[batch.categories[pair.category]].index(255)
            shown = batch.images[pair.image, channel]
            assert torch.equal(shown.amax(dim=0) > 0.5, mask.any(dim=0))
            assert torch.equal(shown.amax(dim=1) > 0.5, mask.any(dim=1))
            assert mask[shown > 0.5].all()
            assert shown[mask].amin() > 0.2
            assert 0 < mask.sum() < mask.numel()
            seen += 1
    assert seen == 5


def test_boxes_that_are_cut_away_or_too_small_are_counted(tmp_path):
    wide = Scene(100, 20, [Thing("dog", 0, 0, 30, 20), Thing("cat", 38, 4, 60, 10)])
    gone = Scene(100, 20, [Thing("dog", 90, 0, 100, 20)])
    assert omission_counts(draw_module(tmp_path / "1", {"wide": wide, "gone": gone}, crop_pct=1.0)) == {
        "boxes cut away or below a pixel": 2,
        "images with no visible box": 1,
        "categories without images": 2,
    }
    small = Scene(
        240, 240, [Thing("dog", 0, 0, 100, 100), Thing("dog", 120, 120, 129, 240), Thing("cat", 0, 0, 10, 10)]
    )
    data = draw_module(tmp_path / "2", {"small": small})  # ten times smaller: a cat of one pixel, a dog of nine tenths
    assert omission_counts(data) == {"boxes cut away or below a pixel": 1, "categories without images": 1}
    assert data.boxes_dataset()[0].view.boxes == ((0, 0, 10, 10), (0, 0, 1, 1))
