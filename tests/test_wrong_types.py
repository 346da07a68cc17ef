"""Arguments of a wrong type: every public constructor names the argument, what it was given and what it expects."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch

import camaug.metrics
from camaug import GroupCamTransform, explain, list_explainers
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.callbacks import (
    CamEvaluator,
    CamLogger,
    CamWriter,
    CamZoom,
    ExperimentRunner,
    GroupCamAugmentation,
    PriceRunner,
)
from camaug.experiments import RunTimeExperiment
from camaug.explainers.registry import explainer_class
from camaug.training.image_classifier import ImageClassifier

IMAGE = torch.rand(3, 16, 16)
CHECKED_LATER = {"image", "images", "labels", "target", "model", "experiment"}  # or of any type


class Wrong:
    """A type that nothing expects."""


def constructors() -> Iterator[Any]:
    callbacks = CamEvaluator, CamLogger, CamWriter, CamZoom, GroupCamAugmentation, PriceRunner, ExperimentRunner
    metrics = [each for each in vars(camaug.metrics).values() if inspect.isclass(each)]
    yield from (*map(explainer_class, list_explainers()), *(type(as_recipe(name)) for name in list_recipes()))
    yield from (*callbacks, *metrics, ImageClassifier, GroupCamTransform, explain)


def arguments() -> Iterator[Any]:
    for construct in constructors():
        for parameter in inspect.signature(construct).parameters.values():
            if parameter.kind is not parameter.VAR_KEYWORD and parameter.name not in CHECKED_LATER:
                yield pytest.param(construct, parameter.name, id=f"{construct.__name__}-{parameter.name}")


@pytest.mark.parametrize(("construct", "name"), [*arguments()])
def test_a_wrong_type_is_a_sentence_with_what_is_given_and_expected(construct: Callable[..., object], name: str):
    needed = {
        camaug.metrics.PointingGame: {"num_classes": 3},
        camaug.metrics.WorstGroupAccuracy: {"num_classes": 3, "num_kinds": 2},
        GroupCamTransform: {"model": torch.nn.ReLU()},
        ExperimentRunner: {"experiment": RunTimeExperiment(), "directory": "x"},
        explain: {"model": torch.nn.Identity(), "image": IMAGE},
    }.get(construct, {})
    with pytest.raises(TypeError, match=r"(must be|expected) .*, got .*Wrong") as raised:
        partial(construct, **{**needed, name: Wrong()})()
    assert name in str(raised.value)
