"""The data module of drawn images."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from camaug.datamodules import ShapesDataModule, ShapesDataset
from camaug.datamodules._shapes.textures import BACKGROUNDS
from tests.datamodules.shapes_data import raw_shapes


def module(**settings) -> ShapesDataModule:
    return ShapesDataModule(**{"train_size": 24, "val_size": 12, "batch_size": 6, "num_workers": 0, **settings})


def test_same_batches_with_and_without_workers():
    batches = []
    for num_workers in (0, 2):
        data = module(num_workers=num_workers)
        data.setup("validate")
        batches.append(list(data.val_dataloader()))
    for (images, labels), (other_images, other_labels) in zip(*batches, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


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
    assert share_of_own(raw_shapes(3000)) == pytest.approx(chance, abs=0.03)
    assert share_of_own(raw_shapes(3000, background_bias=1.0)) == 1


def test_background_bias_shows_in_the_pixels_of_training_only():
    """Textures alone, without any shape, tell the class of biased training images and of no validation images."""
    data = module(train_size=480, val_size=160, image_size=64, num_classes=8, background_bias=1.0)
    data.setup("fit")

    def textures(split: str) -> tuple[np.ndarray, np.ndarray]:
        images = [data.dataset(split)[index] for index in range(len(data.dataset(split)))]
        return np.stack([_spectrum(image.mean(0).numpy()) for image, _ in images]), np.array([y for _, y in images])

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
        raw_shapes(12, split="val")[0][0].float().mean((1, 2)) / 127.5 - 1, abs=1e-5
    )


def test_splits_share_no_image():
    data = module(train_size=12)
    data.setup()
    digests = [
        hashlib.sha256(data.eval_transform(torch_image).numpy().tobytes()).hexdigest()
        for split in ("train", "val", "test")
        for torch_image in [v2.functional.to_pil_image(raw_shapes(12, split=split)[index][0]) for index in range(12)]
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
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        module(**settings)
