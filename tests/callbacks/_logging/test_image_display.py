"""Multi-band images and wrong normalisations in what callbacks show."""

from __future__ import annotations

import io
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from camaug.callbacks import CamLogger
from camaug.callbacks._logging.image_display import ImageDisplay
from camaug.images.normalisation import Normalisation
from tests.toys import Blobs, ToyClassifier

BANDS = 13


class MultiBandBlobs(Blobs):
    """Blobs of 13 bands of reflectances, the first ten of which are noise."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        noise = torch.rand(BANDS - 3, 24, 24, generator=torch.Generator().manual_seed(index))
        return 10_000 * torch.cat([noise, image]), label


class MultiBandClassifier(ToyClassifier):
    """A classifier of 13 bands."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(BANDS, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )


def fit(make_trainer, *callbacks, **settings):
    loader = DataLoader(MultiBandBlobs(6), batch_size=3)
    trainer = make_trainer(*callbacks, **({"max_epochs": 1} | settings))
    trainer.fit(MultiBandClassifier(), loader, loader)


def shown_image(read_events):
    panel = Image.open(io.BytesIO(read_events().Images("cam/left/0")[0].encoded_image_string))
    return np.asarray(panel)[:192, :192].astype(float) / 255


def test_chosen_bands_of_an_image_are_shown_and_named(make_trainer, read_events, caplog):
    caplog.set_level(logging.INFO)
    fit(make_trainer, CamLogger("grad-cam", num_images=3, bands=(10, 11, 12), trust_every_n_snapshots=None))
    assert "3 images, of which bands 10, 11, 12 of 13 are shown" in caplog.text
    image = shown_image(read_events)
    inside, outside = image[64:128, 0:64], image[64:128, 80:]  # the bright square is on the left
    assert inside.mean() > 0.7
    assert outside.mean() < 0.4


def test_without_a_choice_the_first_bands_are_shown(make_trainer, read_events):
    fit(make_trainer, CamLogger("grad-cam", num_images=3, trust_every_n_snapshots=None))
    image = shown_image(read_events)
    assert image.mean() == pytest.approx(0.5, abs=0.1)  # noise
    assert image.std() > 0.2


def test_settings_that_do_not_fit_are_one_warning_each_and_ignored(make_trainer, read_events):
    logger = CamLogger(
        "grad-cam", num_images=3, bands=(20, 2, 1), mean=[0.5] * 3, std=np.float32(0.5), trust_every_n_snapshots=None
    )
    with pytest.warns(UserWarning, match="channels") as caught:
        fit(make_trainer, logger, max_epochs=2)
    messages = [str(warning.message) for warning in caught]
    assert [text for text in messages if "channels" in text] == [
        "CamLogger: the `mean` of the normalisation has 3 values and the images have 13 channels. "
        "The images are shown as if their normalisation were unknown",
        "CamLogger: `bands` are (20, 2, 1), counted from 0, and the images have 13 channels. Bands 0, 1, 2 are shown",
    ]
    assert len(read_events().Images("cam/left/0")) == 2


def test_impossible_arguments_raise():
    with pytest.raises(ValueError, match="`bands` are three indices"):
        CamLogger(bands=(1, 2))
    with pytest.raises(TypeError, match=r"`mean` must be a number, a list of numbers or None, got 'imagenet' \(str\)"):
        CamLogger(mean="imagenet")


def test_a_data_modules_statistics_are_those_of_the_shown_bands():
    datamodule = SimpleNamespace(mean=torch.arange(4.0) / 10, std=torch.tensor(0.5))
    display = ImageDisplay.find(SimpleNamespace(datamodule=datamodule), None, 4, pytest.fail, bands=(3, 2, 1))
    assert display.normalisation == Normalisation(pytest.approx((0.0, 0.1, 0.2, 0.3)), (0.5,))
    expected = torch.tensor([0.3, 0.2, 0.1]).view(1, 3, 1, 1)
    torch.testing.assert_close(display.to_rgb(torch.zeros(1, 4, 1, 1)), expected)
    assert display.describe_bands(4) == "bands 3, 2, 1"
