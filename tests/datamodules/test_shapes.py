from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from camaug.datamodules import ShapesDataModule, ShapesDataset
from camaug.datamodules._shapes.scene import (
    Pose,
    draw_background,
    draw_scene,
    object_coverage,
    sample_pose,
)
from camaug.datamodules._shapes.signed_distances import SHAPES
from camaug.datamodules._shapes.textures import BACKGROUNDS

DIGEST = """
import hashlib
from camaug.datamodules._shapes.shapes_dataset import ShapesDataset
from torchvision.transforms import v2
data = ShapesDataset(12, v2.PILToTensor(), num_classes=8, seed=5)
print(hashlib.sha256(b"".join(data[index][0].numpy().tobytes() for index in range(12))).hexdigest())
"""


def dataset(size: int = 24, **settings) -> ShapesDataset:
    """Untransformed pictures, uint8."""
    return ShapesDataset(size, v2.PILToTensor(), **settings)


def module(**settings) -> ShapesDataModule:
    return ShapesDataModule(**{"train_size": 24, "val_size": 12, "batch_size": 6, "num_workers": 0, **settings})


# Determinism


def test_same_bytes_in_another_process():
    data = dataset(12, num_classes=8, seed=5)
    here = hashlib.sha256(b"".join(data[index][0].numpy().tobytes() for index in range(12))).hexdigest()
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_same_batches_with_and_without_workers():
    batches = []
    for num_workers in (0, 2):
        data = module(num_workers=num_workers)
        data.setup("validate")
        batches.append(list(data.val_dataloader()))
    for (images, labels), (other_images, other_labels) in zip(*batches, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def test_global_random_numbers_play_no_part():
    data = dataset()
    np.random.seed(0)
    before, state = data[3][0], np.random.get_state()[1].copy()
    torch.manual_seed(1)
    assert torch.equal(data[3][0], before)
    assert np.array_equal(np.random.get_state()[1], state)


def test_a_larger_set_begins_with_the_smaller():
    small, large = dataset(13, background_bias=0.5), dataset(50, background_bias=0.5)
    assert large.targets[:13] == small.targets
    assert large.backgrounds[:13] == small.backgrounds
    assert torch.equal(large[12][0], small[12][0])


def test_seeds_splits_and_indices_give_different_pictures():
    pictures = [dataset()[0], dataset()[1], dataset(seed=1)[0], dataset(split="val")[0], dataset(split="test")[0]]
    assert len({image.numpy().tobytes() for image, _ in pictures}) == 5


# Content


def test_classes_are_balanced_and_mixed():
    data = dataset(60)
    assert Counter(data.targets) == dict.fromkeys(range(6), 10)
    assert data.targets != sorted(data.targets)
    assert data.targets != [index % 6 for index in range(60)]
    assert all(data[index][1] == data.targets[index] for index in range(6))
    assert data.classes == ["disc", "square", "triangle", "star", "cross", "ring"]


def test_mask_and_box_agree():
    data = dataset(32, num_classes=8)
    for index in range(len(data)):
        mask = data.object_mask(index)
        x0, y0, x1, y1 = data.object_box(index)
        assert mask.shape == (96, 96)
        assert mask.dtype == torch.bool
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 0
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()
        assert 0.15 * 96 < max(x1 - x0, y1 - y0) < 0.58 * 96


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_object_is_where_the_mask_is(shape, background):
    """The picture is the background outside the mask, but for exposure and noise, and not inside it."""
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


def test_background_bias_is_in_training_and_nowhere_else():
    def share_of_own(data: ShapesDataset) -> float:
        names = list(BACKGROUNDS)
        return np.mean([names[label] == name for label, name in zip(data.targets, data.backgrounds, strict=True)])

    chance = 1 / len(BACKGROUNDS)
    data = module(train_size=3000, val_size=3000, background_bias=0.8)
    data.setup()
    assert share_of_own(data.dataset("train")) == pytest.approx(0.8 + 0.2 * chance, abs=0.03)
    assert share_of_own(data.dataset("val")) == pytest.approx(chance, abs=0.03)
    assert share_of_own(data.dataset("test")) == pytest.approx(chance, abs=0.03)
    assert share_of_own(dataset(3000)) == pytest.approx(chance, abs=0.03)
    assert share_of_own(dataset(3000, background_bias=1.0)) == 1


def test_background_bias_moves_no_object():
    plain, biased = dataset(), dataset(background_bias=1.0)
    assert plain.targets == biased.targets
    assert all(torch.equal(plain.object_mask(index), biased.object_mask(index)) for index in range(len(plain)))
    assert not torch.equal(plain[0][0], biased[0][0]) or plain.backgrounds[0] == biased.backgrounds[0]


def test_background_bias_shows_in_the_pixels_of_training_only():
    """Textures alone, without any shape, tell the class of biased training pictures and of no validation pictures."""
    data = module(train_size=480, val_size=160, image_size=64, num_classes=8, background_bias=1.0)
    data.setup("fit")

    def textures(split: str) -> tuple[np.ndarray, np.ndarray]:
        pictures = [data.dataset(split)[index] for index in range(len(data.dataset(split)))]
        return np.stack([_spectrum(image.mean(0).numpy()) for image, _ in pictures]), np.array([y for _, y in pictures])

    features, labels = textures("train")
    means = np.stack([features[:320][labels[:320] == label].mean(0) for label in range(8)])

    def accuracy(features: np.ndarray, labels: np.ndarray) -> float:
        guesses = np.square((features[:, None] - means) / features.std(0)).sum(-1).argmin(1)
        return (guesses == labels).mean()

    assert accuracy(features[320:], labels[320:]) > 0.5
    assert accuracy(*textures("val")) < 0.25


def _spectrum(grey: np.ndarray) -> np.ndarray:
    """Mean and greatest power in ten rings of frequencies, and the distribution of the greys."""
    grey = (grey - grey.mean()) / grey.std()
    frequencies = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None]) * 64
    rings = np.digitize(frequencies, [1.5, 2.5, 4, 6, 8, 11, 15, 20, 28])
    power = np.abs(np.fft.rfft2(grey))
    of_rings = [np.log([power[rings == ring].mean(), power[rings == ring].max()]) for ring in range(10)]
    return np.concatenate([*of_rings, np.quantile(grey, [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])])


# Data module


def test_batches_are_normalised_and_only_training_is_mirrored():
    data = module()
    assert data.num_classes == 6
    assert data.classes == ["disc", "square", "triangle", "star", "cross", "ring"]
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (6, 3, 96, 96)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert -1 <= images.min() < -0.2 < 0.2 < images.max() <= 1
    train, val = data.dataset("train"), data.dataset("val")
    seen = [train[0][0] for _ in range(20)]
    assert {torch.equal(image, seen[0]) or torch.equal(image, seen[0].flip(-1)) for image in seen} == {True}
    assert {torch.equal(image, seen[0]) for image in seen} == {True, False}
    assert torch.equal(val[0][0], val[0][0])
    assert val[0][0].mean((1, 2)) == pytest.approx(
        dataset(12, split="val")[0][0].float().mean((1, 2)) / 127.5 - 1, abs=1e-5
    )


def test_splits_share_no_picture():
    data = module(train_size=12)
    data.setup()
    digests = [
        hashlib.sha256(data.eval_transform(torch_image).numpy().tobytes()).hexdigest()
        for split in ("train", "val", "test")
        for torch_image in [v2.functional.to_pil_image(dataset(12, split=split)[index][0]) for index in range(12)]
    ]
    assert len(set(digests)) == 36


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be between 2 and the 8 shapes there are, got 1"),
        ({"num_classes": 9}, "`num_classes` must be between 2 and the 8 shapes there are, got 9"),
        ({"train_size": 3}, "the train split needs an image of each of its 6 classes, got size 3"),
        ({"val_size": 0}, "the val split needs an image of each of its 6 classes, got size 0"),
        ({"image_size": 16}, "`image_size` must be at least 32 pixels .* got 16"),
        ({"background_bias": 1.5}, "`background_bias` is a probability, between 0 and 1, got 1.5"),
        ({"seed": -1}, "`seed` must be 0 or more, got -1"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        module(**settings)


def test_unknown_split():
    with pytest.raises(ValueError, match="`split` is one of train, val, test, got 'dev'"):
        dataset(split="dev")
