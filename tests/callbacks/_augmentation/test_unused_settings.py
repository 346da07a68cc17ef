"""Settings that change nothing are named before the first step."""

from __future__ import annotations

import re

import pytest

from camaug.augmentation.recipes import as_recipe
from camaug.callbacks._augmentation.schedule import Schedule
from camaug.callbacks._augmentation.unused_settings import rounded_to_none, unused_arguments, unused_schedule


@pytest.mark.parametrize(
    ("schedule", "epochs", "message"),
    [
        (Schedule(0.5, start_epoch=2), 3, ""),
        (Schedule(0.5, start_epoch=3), 3, "start_epoch=3 is after the last of 3 epochs, 2"),
        (Schedule(0.5, start_epoch=3), None, ""),
        (Schedule(0.5, start_epoch=3), 0, ""),
        (Schedule(0.0, start_epoch=9), 3, ""),
        (Schedule(0.5, ramp_epochs=2), 3, ""),
        (Schedule(0.6, ramp_epochs=5), 3, "rises to 30% alone, because the run of 3 epochs ends within ramp_epochs=5"),
        (
            Schedule(0.6, stop_epoch=2, ramp_epochs=2),
            9,
            "to 40% alone, because stop_epoch=2 is within ramp_epochs=2",
        ),
        (Schedule(0.6, stop_epoch=9), 3, ""),
    ],
)
def test_schedules_beyond_the_run(schedule, epochs, message):
    sentence = unused_schedule(schedule, epochs)
    assert message in sentence
    assert bool(sentence) == bool(message)


@pytest.mark.parametrize(
    ("share", "count", "is_none"),
    [(0.1, 4, True), (0.13, 4, False), (0.125, 4, True), (0.0, 4, False), (0.5, 0, False)],
)
def test_shares_that_round_to_none(share, count, is_none):
    assert bool(rounded_to_none(share, count)) == is_none


@pytest.mark.parametrize(
    ("recipe", "given", "messages"),
    [
        ("hide-salient", {"consistency": 2.0}, ["consistency=2.0 is without effect, because .* adds no masked views"]),
        ("paired", {"consistency": 2.0, "divergence": "kullback-leibler"}, []),
        ("random-crop", {"fast": False}, ["fast=False is without effect, because .* needs no heatmaps"]),
        (
            "random-crop",
            {"refresh_every_n_epochs": 2, "bank_dir": "x"},
            ["refresh_every_n_epochs=2 and bank_dir='x' are"],
        ),
        ("hide-salient", {"bank_dir": "x"}, ["bank_dir='x' is without effect without refresh_every_n_epochs="]),
        ("hide-salient", {"bank_dir": "x", "refresh_every_n_epochs": 2, "fast": False}, []),
    ],
)
def test_arguments_that_the_recipe_does_not_read(recipe, given, messages):
    sentences = list(unused_arguments(as_recipe(recipe), given))
    assert len(sentences) == len(messages)
    for sentence, message in zip(sentences, messages, strict=True):
        assert re.search(message, sentence)
