from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from camaug.functional.boxes import box_masks, box_shares, paste_boxes, resized_crops

BOXES = torch.tensor([[0, 0, 12, 17], [2, 3, 5, 9], [11, 16, 1, 1], [4, 0, 8, 2]])


def cut(images, n, box):
    top, left, height, width = box
    return images[n, None, ..., top : top + height, left : left + width]


def test_masks_and_shares_by_hand():
    maps = torch.rand(4, 12, 17)
    masks, shares = box_masks(BOXES, (12, 17)), box_shares(maps, BOXES[:, None])
    for n, box in enumerate(BOXES.tolist()):
        assert masks[n].sum() == box[2] * box[3]
        assert cut(masks, n, box).all()
        torch.testing.assert_close(shares[n, 0], cut(maps, n, box).sum() / maps[n].sum())
    assert (box_shares(torch.zeros(4, 12, 17), BOXES[:, None]) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_crops_are_those_of_interpolation(dtype):
    images = torch.rand(4, 3, 12, 17).to(dtype)
    crops = resized_crops(images, BOXES)
    assert crops.dtype == dtype
    tolerance = 1e-2 if dtype == torch.bfloat16 else 1e-5
    for n, box in enumerate(BOXES.tolist()):
        expected = F.interpolate(cut(images, n, box).float(), (12, 17), mode="bilinear")[0]
        torch.testing.assert_close(crops[n].float(), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(crops[0], images[0], rtol=0, atol=tolerance)


def test_pasted_boxes_are_cut_out_and_resized():
    images, sources, targets = torch.rand(4, 3, 12, 17), torch.rand(4, 3, 12, 17), BOXES.flip(0)
    pasted = paste_boxes(images, sources, BOXES, targets)
    for n, (source, target) in enumerate(zip(BOXES.tolist(), targets.tolist(), strict=True)):
        expected = F.interpolate(cut(sources, n, source), target[2:], mode="bilinear")
        torch.testing.assert_close(cut(pasted, n, target), expected)
        outside = ~box_masks(targets[n, None], (12, 17))[0]
        assert torch.equal(pasted[n][:, outside], images[n][:, outside])


def test_an_empty_box_changes_nothing():
    images = torch.rand(2, 3, 8, 8)
    empty = torch.zeros(2, 4, dtype=torch.int64)
    assert torch.equal(paste_boxes(images, images.flip(0), empty, empty), images)
