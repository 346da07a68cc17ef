"""Drawn images: the object is where its mask is, and every shape fits its circle."""

from __future__ import annotations

import numpy as np
import pytest

from camaug.datamodules._shapes.scene import (
    Pose,
    draw_background,
    draw_scene,
    object_coverage,
    sample_pose,
)
from camaug.datamodules._shapes.signed_distances import SHAPES
from camaug.datamodules._shapes.textures import BACKGROUNDS


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_object_is_where_the_mask_is(shape, background):
    """The image is the background outside the mask, but for exposure and noise, and not inside it."""
    inside, outside = [], []
    for seed in range(4):
        scene = draw_scene(np.random.default_rng(seed), shape, background, size=64)
        rng = np.random.default_rng(seed)
        coverage = object_coverage(shape, sample_pose(rng, 64), 64)
        assert np.array_equal(scene.mask, coverage > 0.5)
        empty = draw_background(rng, background, 64)
        gain = np.median(scene.image[coverage == 0] / 255 / empty[coverage == 0].clip(0.02), axis=0)
        difference = np.abs(scene.image / 255 - (empty * gain).clip(0, 1)).mean(-1)
        inside.append(difference[coverage == 1].mean())
        outside.append(difference[coverage == 0].mean())
    assert np.mean(outside) < 0.035
    assert min(inside) > 0.08
    assert min(np.array(inside) / np.array(outside)) > 3


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_fits_its_circle_and_fills_it(shape):
    pose = Pose(x=50.0, y=50.0, radius=40.0, angle=0.7)
    coverage = object_coverage(shape, pose, 100)
    rows, columns = np.nonzero(coverage)
    reach = np.hypot(columns + 0.5 - 50, rows + 0.5 - 50).max()
    assert 0.85 * 40 < reach < 40 + 1.5
    assert 0.05 < ((coverage > 0) & (coverage < 1)).sum() / coverage.sum() < 0.35, "the edge is smooth and thin"


def test_shapes_cover_different_pixels():
    pose = Pose(x=48.0, y=48.0, radius=24.0, angle=0.0)
    masks = [object_coverage(shape, pose, 96) > 0.5 for shape in SHAPES]
    for index, mask in enumerate(masks):
        for other in masks[index + 1 :]:
            assert (mask & other).sum() / (mask | other).sum() < 0.8
