from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import functional as TF

from camaug.functional.masks import binarise, blend, denoise, gaussian_blur, map_iou, normalise, upsample

# Blur


@pytest.mark.parametrize(("kernel_size", "sigma"), [(51, 50.0), (5, 1.0), (9, 2.5), (1, 1.0)])
@pytest.mark.parametrize("size", [(80, 80), (60, 97)])
def test_blur_against_torchvision(kernel_size, sigma, size):
    images = torch.rand(2, 3, *size)
    ours = gaussian_blur(images, kernel_size, sigma)
    torch.testing.assert_close(ours, TF.gaussian_blur(images, kernel_size, sigma), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (16, 12), (32, 32), (25, 26), (51, 50)])
def test_blur_of_images_smaller_than_the_kernel(size):
    """The reference is numpy's padding, which reflects as often as needed, where torch's and torchvision's raise."""
    images = torch.rand(2, 1, *size, dtype=torch.float64)
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (25, 25), (25, 25)), mode="reflect")
    kernel = torch.exp(-0.5 * (torch.arange(-25, 26, dtype=torch.float64) / 50) ** 2)
    kernel = torch.outer(kernel, kernel) / kernel.sum() ** 2
    expected = F.conv2d(torch.from_numpy(padded), kernel[None, None])
    torch.testing.assert_close(gaussian_blur(images), expected, rtol=1e-5, atol=1e-6)


def test_blur_in_the_interior_is_the_weighted_mean_of_the_window():
    images = torch.rand(1, 1, 121, 121, dtype=torch.float64)
    weights = [math.exp(-0.5 * (offset / 50) ** 2) for offset in range(-25, 26)]
    window = images[0, 0, 60 - 25 : 60 + 26, 70 - 25 : 70 + 26].tolist()
    expected = sum(a * b * window[i][j] for i, a in enumerate(weights) for j, b in enumerate(weights))
    assert gaussian_blur(images)[0, 0, 60, 70].item() == pytest.approx(expected / sum(weights) ** 2, rel=1e-6)


def test_blur_of_a_point_is_the_kernel():
    image = torch.zeros(1, 1, 7, 7)
    image[..., 3, 3] = 1
    edge = math.exp(-0.5)
    line = torch.tensor([0, 0, edge, 1, edge, 0, 0]) / (1 + 2 * edge)
    torch.testing.assert_close(gaussian_blur(image, 3, 1.0)[0, 0], torch.outer(line, line))


@pytest.mark.parametrize("size", [(5, 9), (224, 224)])
def test_blur_keeps_constants(size):
    images = torch.tensor([-2.0, 0.0, 7.0]).view(1, 3, 1, 1).expand(1, 3, *size)
    torch.testing.assert_close(gaussian_blur(images), images.contiguous(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_blur_keeps_the_dtype_and_is_made_in_float32(dtype):
    images = torch.rand(1, 3, 70, 70).to(dtype)
    expected = gaussian_blur(images.float()).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        blurred = gaussian_blur(images)
    assert blurred.dtype == dtype
    assert torch.equal(blurred, expected)


def test_blur_after_it_was_first_used_in_inference_mode():
    """The matrix is kept between calls, and must serve where gradients are wanted."""
    images = torch.rand(1, 1, 33, 34, requires_grad=True)
    with torch.inference_mode():
        gaussian_blur(images, 7, 3.0)
    gaussian_blur(images, 7, 3.0).sum().backward()
    assert images.grad.sum().item() == pytest.approx(33 * 34, rel=1e-5)


def test_each_image_is_blurred_independently():
    images = torch.rand(3, 2, 20, 20)
    images[1, 0, 5, 5] = math.nan
    blurred = gaussian_blur(images, 3, 1.0)
    assert blurred[[0, 2]].isfinite().all()
    torch.testing.assert_close(blurred[2, None], gaussian_blur(images[2, None], 3, 1.0))


@pytest.mark.parametrize("kernel_size", [0, -3, 4])
def test_wrong_kernel_size(kernel_size):
    with pytest.raises(ValueError, match=f"`kernel_size` must be a positive odd number of pixels, got {kernel_size}"):
        gaussian_blur(torch.rand(1, 1, 8, 8), kernel_size)


@pytest.mark.parametrize("sigma", [0.0, -1.0])
def test_wrong_sigma(sigma):
    with pytest.raises(ValueError, match=f"`sigma` must be a positive number of pixels, got {sigma}"):
        gaussian_blur(torch.rand(1, 1, 8, 8), 3, sigma)


# Normalise

RAMP = torch.tensor([[0.0, 1.0], [3.0, 4.0]])


@pytest.mark.parametrize("scale", [1.0, 1e37, 1e-20, 1e-35, -1.0, -1e37])
@pytest.mark.parametrize("shift", [0.0, 5.0, -2.0, -9.0])
def test_normalise_stretches_to_0_and_1(scale, shift):
    expected = RAMP / 4 if scale > 0 else 1 - RAMP / 4
    torch.testing.assert_close(normalise((RAMP + shift) * scale), expected, rtol=1e-5, atol=1e-5)


def test_normalise_a_range_beyond_float32():
    maps = torch.tensor([[-3e38, 0.0], [1.5e38, 3e38]])
    torch.testing.assert_close(normalise(maps), torch.tensor([[0.0, 0.5], [0.75, 1.0]]))


def test_normalise_denormal_numbers():
    maps = torch.tensor([[0.0, 1e-40], [2e-40, 4e-40]])
    torch.testing.assert_close(normalise(maps), torch.tensor([[0.0, 0.25], [0.5, 1.0]]), rtol=1e-3, atol=1e-3)


def test_normalise_counts_what_is_not_finite_as_0():
    maps = torch.tensor([[math.nan, math.inf], [-math.inf, 2.0]])
    assert normalise(maps).tolist() == [[0, 0], [0, 1]]
    maps = torch.tensor([[-1.0, math.inf], [1.0, math.nan]])
    assert normalise(maps).tolist() == [[0, 0.5], [1, 0.5]]
    assert normalise(torch.full((2, 2), math.nan)).eq(0).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 0.1, 3.4e38, 1e-45])
def test_normalise_constant_maps_are_empty(value):
    assert normalise(torch.full((2, 3, 5, 7), value)).eq(0).all()


def test_each_map_is_normalised_independently():
    maps = torch.stack([RAMP, 100 * RAMP, torch.full((2, 2), math.nan)])[None]
    torch.testing.assert_close(normalise(maps)[0, :2], torch.stack([RAMP, RAMP]) / 4)
    assert normalise(maps)[0, 2].eq(0).all()


# De-noise


@pytest.mark.parametrize("theta", [0, 1, 30, 50, 70, 99.5, 100])
@pytest.mark.parametrize("size", [(7, 7), (1, 10), (13, 14)])
def test_denoise_by_numpy(theta, size):
    maps = torch.randn(3, 4, *size, dtype=torch.float64)
    threshold = np.percentile(maps.numpy(), theta, axis=(2, 3), keepdims=True)
    expected = np.where(maps.numpy() > threshold, maps.numpy(), 0)
    np.testing.assert_array_equal(denoise(maps, theta).numpy(), expected)


def test_denoise_keeps_the_share_above():
    kept = denoise(torch.randperm(1000).view(1, 20, 50).float() + 1, 70) > 0
    assert kept.sum() == 300


@pytest.mark.parametrize("theta", [-0.1, 100.1, math.nan])
def test_wrong_theta(theta):
    with pytest.raises(ValueError, match=f"`theta` is a percentile and must be between 0 and 100, got {theta}"):
        denoise(torch.rand(1, 4, 4), theta)


# Binarise


def test_binarise_at_each_maps_own_mean():
    maps = torch.tensor([[[0.0, 1.0], [2.0, 5.0]], [[10.0, 20.0], [20.0, 30.0]]])
    assert binarise(maps).tolist() == [[[False, False], [True, True]], [[False, True], [True, True]]]


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.7, 1e-8, -0.3])
@pytest.mark.parametrize("size", [(3, 3), (32, 32), (224, 224), (57, 91)])
def test_binarise_constant_maps_are_marked_everywhere(value, size):
    assert binarise(torch.full((2, *size), value)).all()


# Blend and upsample


def test_blend_is_exact_at_0_and_1():
    images, baseline = torch.randn(2, 2, 3, 8, 8)
    mask = torch.randint(0, 2, (2, 8, 8))
    expected = torch.where(mask[:, None].bool(), images, baseline)
    assert torch.equal(blend(images, baseline, mask.bool()), expected)
    assert torch.equal(blend(images, baseline, mask.float()), expected)
    assert torch.equal(blend(images.bfloat16(), baseline.bfloat16(), mask.float()), expected.bfloat16())


def test_blend_between():
    images, baseline = torch.tensor([8.0, -4.0]).view(1, 2, 1, 1), torch.tensor([0.0, 4.0]).view(1, 2, 1, 1)
    assert blend(images, baseline, torch.tensor([[[0.25]]])).flatten().tolist() == [2.0, 2.0]


def test_blend_with_a_boolean_mask_lets_nothing_bad_through():
    images, baseline = torch.ones(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    images[..., 0] = math.nan
    assert blend(images, baseline, torch.tensor([[[False, True]]])).flatten().tolist() == [0.0, 1.0]


def test_upsample_by_hand():
    maps = torch.tensor([[[[0.0, 4.0]]]])
    assert upsample(maps, (1, 4)).flatten().tolist() == [0.0, 1.0, 3.0, 4.0]
    assert upsample(maps, (1, 2)) is maps


def test_map_iou_of_equal_opposite_and_constant_maps():
    maps = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    assert map_iou(maps, maps) == 1
    assert map_iou(maps, 1 - maps) == 0
    assert map_iou(maps, torch.zeros_like(maps)) == 0.5  # a constant map's mask is the whole image
