from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.zoom import CROP, SIDE, candidates, difference, is_correct, print_table, to_input
from camaug.augmentation.zoom import Zoom


class Brightness(nn.Module):
    """A classifier of the brightness: class 1 for bright images."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.features.weight, 1.0)

    def forward(self, images: Tensor) -> Tensor:
        bright = self.features(images).mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(bright), bright], dim=1)


def photos() -> tuple[Tensor, Tensor]:
    pixels = torch.tensor([0, 255, 255], dtype=torch.uint8)[:, None, None, None].expand(3, 3, SIDE, SIDE)
    return pixels, torch.tensor([0, 1, 0])


def test_photos_are_predicted_with_and_without_a_second_view() -> None:
    for zoom in (None, Zoom("flip"), Zoom()):
        assert is_correct(Brightness().eval(), photos(), zoom).tolist() == [1, 1, 0]


def test_the_middle_of_photos_is_normalised() -> None:
    images = to_input(photos()[0])
    assert images.shape == (3, 3, CROP, CROP)
    assert images.unique().tolist() == [-1, 1]


def test_differences_are_in_points() -> None:
    first = torch.tensor([1.0, 1, 0, 1] * 20)
    assert difference(first, first) == "+0.0"
    assert difference(first, torch.zeros(80)).startswith("+75.0 [+")


def test_the_table_has_a_row_for_each_view_and_its_controls(capsys) -> None:
    print_table("val", Brightness().eval(), photos(), candidates()[0])
    printed = capsys.readouterr().out
    assert "| image alone | 66.7% | |" in printed
    assert all(f"| {view} | 66.7% | +0.0 |" in printed for view in ("salient", "random", "centre", "flip"))
    assert "salient − flip: +0.0" in printed
