"""The model's input from images of every kind, and the words about images that cannot be explained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from camaug import explain
from camaug.datamodules import PhotoFolder
from camaug.images.preprocessing import Preprocessing
from camaug.single_image.model_input import model_input
from tests.images.deep_files import ramp
from tests.single_image.photos import GRAD, photo

AS_FLOATS = Preprocessing.of(v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]))


def shades(image, value_range=None) -> list[int]:
    """Return the first row of an image's input in 8 bits, after a check that it is grey and was transformed."""
    pixels, transformed = model_input(image, AS_FLOATS.with_value_range(value_range))
    assert transformed
    assert (pixels == pixels[:, :1]).all()
    return (pixels[0, 0, 0] * 255).round().int().tolist()


GREY = np.array([[0, 17, 255], [1, 2, 3]], np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        GREY,
        GREY[..., None],
        GREY[..., None].repeat(3, 2),
        np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)]),
        GREY.astype(np.uint16) * 257,
        GREY.astype(np.int64) * 257,
        (GREY.astype(np.uint16) * 257)[..., None].repeat(3, 2),
        GREY / 255,
        np.asfortranarray(GREY),
        Image.fromarray(GREY),
        Image.fromarray(GREY.astype(np.uint16) * 257),
        Image.fromarray((GREY / 255).astype(np.float32)),
        torch.from_numpy(GREY)[None],
        torch.from_numpy(GREY).expand(1, 3, 2, 3),
    ],
    ids=lambda image: f"{type(image).__name__}-{getattr(image, 'dtype', '')}-{getattr(image, 'shape', '')}",
)
def test_pixels_in_every_form(image):
    assert shades(image) == [0, 17, 255]


def test_a_range_of_values():
    assert shades(GREY.astype(np.uint16) << 4, (0, 4095)) == [0, 17, 255]
    assert shades(Image.fromarray(GREY.astype(np.uint16) << 4), (0, 4095)) == [0, 17, 255]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_tensors_are_ready(dtype):
    image = torch.rand(3, 4, 4, dtype=dtype)
    pixels, transformed = model_input(image, AS_FLOATS)
    assert torch.equal(pixels, image[None])
    assert not transformed


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 8, 8), np.uint8), r"array of uint8 of shape \(3, 8, 8\), expected pixels \(H, W\), \(H, W, 3\)"),
        (np.zeros((8, 8), bool), "array of bool"),
        (np.zeros((0, 8), np.uint8), r"of shape \(0, 8\)"),
        (GREY.astype(np.float32), "reach from 0 to 255, and floating-point images have values from 0 to 1"),
        (np.full((8, 8, 3), np.nan), "`image` holds 192 values that are NaN or infinite"),
        (torch.tensor([0.5, float("nan"), float("inf")]).expand(3, 8, 3), "holds 48 values that are NaN .*, of 72"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        model_input(image, AS_FLOATS)


def test_pixels_as_floats_are_a_warning():
    with pytest.warns(UserWarning, match="values up to 255, .* give pixels from 0 to 255 as uint8"):
        model_input(torch.full((3, 4, 4), 255.0), AS_FLOATS)


class Rigid(nn.Module):
    """A classifier of RGB images of at least 16 × 16 pixels."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

    def forward(self, images):
        return self.net(images)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 32, 32), r"its first convolution takes 3 channels. Give a tensor of as many, or .* transform= \(.+\)"),
        ((3, 8, 8), r"expected one like \(3, 224, 224\), which its transform makes of .* \(.+\)"),
    ],
)
@pytest.mark.parametrize("target", [None, "bee"])
def test_an_image_that_the_model_does_not_take(shape, expected, target):
    with pytest.raises(ValueError, match=rf"does not take an image of \({shape[0]}, \d+, \d+\): {expected}"):
        explain(Rigid(), torch.rand(shape), "grad-cam", target)


def test_multi_band_images_are_shown_by_some_bands():
    model = nn.Sequential(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    image = torch.rand(5, 16, 16)
    explained = explain(model, image, "grad-cam", 1)
    assert explained.record["bands"] == [0, 1, 2]
    chosen = explain(model, image, "grad-cam", 1, bands=(2, 1, 0))
    assert torch.equal(chosen.image, explained.image.flip(0))
    assert "shown: bands 2, 1, 0" in repr(chosen)


def test_the_range_of_a_models_training_data_is_used(net, tmp_path):
    net.preprocessing = {"image_size": 16, "mean": (0.0,) * 3, "std": (1.0,) * 3, "crop_pct": 1.0}
    net.preprocessing["value_range"] = (0, 4095)
    Image.fromarray(ramp(4095, height=16)).save(tmp_path / "x.png")
    explained = explain(net, tmp_path / "x.png", GRAD)
    assert (explained.image[0, 0, ::5] * 255).round().tolist() == [0, 85, 170, 255]
    assert explained.record["transform"]["value_range"] == (0, 4095)
    assert explain(net, tmp_path / "x.png", GRAD, value_range=(0, 65535)).image.max() < 0.1
    photos = PhotoFolder(str(tmp_path), num_workers=0, transform=v2.PILToTensor(), value_range=(0, 65535))
    assert next(iter(photos.predict_dataloader())).images.max() == 15


def test_a_constant_image_is_a_warning(net):
    with pytest.warns(UserWarning, match="`image` is constant"):
        explain(net, Image.new("RGB", (300, 260)), GRAD)


def test_arrays_and_bands_are_explained(net):
    whole = explain(net, photo(), GRAD)
    explained = explain(net, np.asarray(photo()), GRAD, bands=(2, 1, 0))
    assert torch.equal(explained.map, whole.map)
    assert torch.equal(explained.image, whole.image.flip(0))
    assert explained.record["bands"] == [2, 1, 0]
    with pytest.raises(ValueError, match=r"`bands` are \(3, 2, 1\), counted from 0, and the images have 3 channels"):
        explain(net, photo(), GRAD, bands=(3, 2, 1))
