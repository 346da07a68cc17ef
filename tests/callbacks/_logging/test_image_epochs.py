"""Epochs in which images are written to TensorBoard."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.image_epochs import logs_images_in_epoch


@pytest.mark.parametrize("epochs", [None, -1, 1, 20])
def test_short_and_endless_runs_have_images_in_every_epoch(epochs):
    assert all(logs_images_in_epoch(epoch, epochs) for epoch in range(20))


@pytest.mark.parametrize("epochs", [21, 24, 100, 1000])
def test_long_runs_have_images_in_the_first_the_last_and_about_ten_epochs(epochs):
    logged = [epoch for epoch in range(epochs) if logs_images_in_epoch(epoch, epochs)]
    assert (logged[0], logged[-1]) == (0, epochs - 1)
    assert 8 <= len(logged) <= 12
