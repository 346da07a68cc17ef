from __future__ import annotations

import pytest
import torch

from camaug.functional.fills import fill_images

IMAGES = (
    torch.rand(3, 3, 40, 50, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
)


def identity(images):
    return images


def test_fills_by_hand():
    assert fill_images(IMAGES, "blur", torch.zeros_like).sum() == 0
    assert torch.equal(fill_images(IMAGES, "image", identity), IMAGES[[2, 0, 1]])
    mean = fill_images(IMAGES, "mean", identity)
    torch.testing.assert_close(mean[:, :, 7, 9], IMAGES.mean((2, 3)))


def test_noise_has_the_images_mean_and_deviation():
    noise = fill_images(IMAGES, "noise", identity, seed=1)
    torch.testing.assert_close(noise.mean((2, 3)), IMAGES.mean((2, 3)), rtol=0.1, atol=0)
    torch.testing.assert_close(noise.std((2, 3)), IMAGES.std((2, 3)), rtol=0.1, atol=0)
    assert torch.equal(noise, fill_images(IMAGES, "noise", identity, seed=1))
    assert not torch.equal(noise, fill_images(IMAGES, "noise", identity, seed=2))


@pytest.mark.parametrize("fill", ["mean", "noise", "image"])
def test_the_dtype_stays(fill):
    assert fill_images(IMAGES.bfloat16(), fill, identity).dtype == torch.bfloat16
