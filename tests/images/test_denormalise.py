"""Model inputs as RGB images."""

from __future__ import annotations

import pytest
import torch

from camaug.images.denormalise import denormalise

IMAGES = torch.rand(2, 3, 6, 8)
RAMP = torch.arange(101.0).view(1, 1, 1, 101)  # from the 0th to the 100th percentile
STRETCHED_RAMP = ((RAMP - 2) / 96).clamp(0, 1)


def test_the_normalisation_is_undone():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    inputs = (IMAGES - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(denormalise(inputs.requires_grad_(), mean, std), IMAGES)
    assert not denormalise(inputs, mean, std).requires_grad
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        assert denormalise(inputs.to(dtype), mean, std).dtype == torch.float32


def test_without_a_known_normalisation_colours_and_grey_are_stretched_jointly():
    assert torch.equal(denormalise(IMAGES, None, None), IMAGES)
    stretched = denormalise(torch.tensor([-2.0, 0.0, 2.0]).view(1, 3, 1, 1), None, None)
    assert stretched.flatten().tolist() == [0.0, 0.5, 1.0]
    assert torch.equal(denormalise(RAMP, None, None), (RAMP / 100).expand(1, 3, 1, 101))
    assert denormalise(torch.full((1, 3, 2, 2), 5.0), None, None).isfinite().all()


@pytest.mark.parametrize(("channels", "shown"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2]), (5, [0, 1, 2])])
def test_other_numbers_of_channels(channels, shown):
    images = torch.rand(2, channels, 4, 4)
    assert torch.equal(denormalise(images, [0.0] * channels, [1.0] * channels), images[:, shown])
    assert torch.equal(denormalise(images, [0.0], [1.0]), images[:, shown])


def test_each_band_is_stretched_between_its_percentiles():
    bands = [0.0001, 300.0, 7.0, -2.0]
    images = torch.cat([RAMP * factor for factor in bands], dim=1)
    for chosen in (None, (3, 1, 0)):
        shown = [bands[index] for index in chosen or (0, 1, 2)]
        expected = [STRETCHED_RAMP if factor > 0 else STRETCHED_RAMP.flip(-1) for factor in shown]
        torch.testing.assert_close(denormalise(images, None, None, chosen), torch.cat(expected, dim=1))


def test_chosen_bands_have_their_own_statistics():
    images = torch.rand(1, 4, 5, 5)
    mean, std = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.5, 0.4, 0.3, 0.2])
    inputs = (images - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    torch.testing.assert_close(denormalise(inputs, mean.tolist(), std.tolist(), (3, 0, 2)), images[:, [3, 0, 2]])
    torch.testing.assert_close(denormalise(inputs, mean.tolist(), std.tolist(), (1,)), images[:, [1, 1, 1]])


def test_statistics_of_8_bit_values():
    mean, std = [123.7, 116.3, 103.5], [58.4, 57.1, 57.4]
    inputs = (IMAGES * 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(denormalise(inputs, mean, std), IMAGES)
    torch.testing.assert_close(denormalise(IMAGES, [0.0], [255.0]), IMAGES)


def test_images_in_another_unit_than_their_normalisation_are_stretched():
    reflectance = torch.cat([RAMP * 30, RAMP * 20, RAMP * 10, RAMP], dim=1)
    shown = denormalise(reflectance / 10_000, [0.0], [10_000.0])
    torch.testing.assert_close(shown, STRETCHED_RAMP.expand(1, 3, 1, 101))
    as_pixels = denormalise(IMAGES * 255, [0.5], [0.25])  # in fact not normalised
    low, high = IMAGES.amin(dim=(1, 2, 3), keepdim=True), IMAGES.amax(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(as_pixels, (IMAGES - low) / (high - low))


def test_values_that_are_not_finite():
    images = torch.rand(1, 3, 4, 4)
    images[0, 0, 0, 0], images[0, 1, 1, 1] = float("nan"), float("inf")
    for statistics in ((0.0,) * 3, (1.0,) * 3), (None, None):
        image = denormalise(images, *statistics)
        assert image[0, 0, 0, 0] == 0
        assert image[0, 1, 1, 1] == 1
        assert torch.equal(image[0, 2], images[0, 2])


def test_wrong_numbers_of_statistics():
    with pytest.raises(
        ValueError, match="the `mean` of the normalisation has 3 values and the images have 13 channels"
    ):
        denormalise(torch.rand(1, 13, 4, 4), [0.5] * 3, [0.5] * 3)
