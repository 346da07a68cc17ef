from __future__ import annotations

import pytest
import torch

from camaug.functional.salient_boxes import salient_boxes


def map_with(values: dict[tuple[int, int], float], height: int = 8, width: int = 8) -> torch.Tensor:
    maps = torch.zeros(1, height, width)
    for (row, column), value in values.items():
        maps[0, row, column] = value
    return maps


def test_the_box_contains_all_pixels_from_the_threshold_on() -> None:
    maps = map_with({(1, 2): 0.8, (4, 5): 0.4, (7, 7): 0.3})
    box = salient_boxes(maps, threshold=0.5, padding=0, min_side=0.1)
    assert box.tolist() == [[1, 2, 4, 4]]


def test_the_shorter_side_grows_to_the_aspect_ratio_of_the_image_around_the_same_centre() -> None:
    maps = map_with({(1, 3): 1, (6, 3): 1}, height=8, width=16)
    box = salient_boxes(maps, padding=0, min_side=0.1)
    assert box.tolist() == [[1, 0, 6, 12]]  # centred on column 3.5 it would begin left of the image


def test_padding_is_a_share_of_the_side_at_each_end() -> None:
    maps = map_with({(3, 3): 1, (4, 4): 1})
    box = salient_boxes(maps, padding=0.5, min_side=0.1)
    assert box.tolist() == [[2, 2, 4, 4]]


@pytest.mark.parametrize(("row", "start"), [(0, 0), (4, 2.5), (7, 4)])
def test_a_small_box_grows_to_the_least_side_and_stays_inside_the_image(row: int, start: float) -> None:
    box = salient_boxes(map_with({(row, row): 1}), padding=0, min_side=0.5)
    assert box.tolist() == [[start, start, 4, 4]]


@pytest.mark.parametrize("value", [0, 1])
def test_the_box_of_an_empty_or_constant_map_is_the_whole_image(value: float) -> None:
    assert salient_boxes(torch.full((2, 6, 9), float(value))).tolist() == [[0, 0, 6, 9]] * 2
