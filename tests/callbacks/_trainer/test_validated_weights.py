"""Averaged weights, in place of the trained ones as in validation."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import WeightAveraging

from camaug.callbacks import CamEvaluator, CamLogger
from camaug.callbacks._trainer.validated_weights import describe_validated_weights
from tests.toys import ToyClassifier


class Averaging(WeightAveraging):
    """An average of the weights that hardly moves."""

    def __init__(self) -> None:
        super().__init__(avg_fn=lambda averaged, current, count: 0.999 * averaged + 0.001 * current)


class ModelEma(L.Callback):
    """A callback of another project that averages weights in its own way."""


def confidence(read_events) -> float:
    return read_events().Scalars("cam/confidence")[-1].value


@pytest.mark.parametrize("is_first", [True, False])
def test_the_validated_weights_are_explained(is_first, loader, make_trainer, read_events, caplog):
    module = ToyClassifier()
    start = {name: value.clone() for name, value in module.state_dict().items()}
    callbacks = [CamLogger("grad-cam", num_images=6, fast=False), CamEvaluator(["average_drop"], "grad-cam")]
    callbacks.insert(0 if is_first else 2, Averaging())
    with caplog.at_level("INFO"):
        trainer = make_trainer(*callbacks, max_epochs=2)
        trainer.fit(module, loader, loader)
    drop = trainer.callback_metrics["cam_eval/average_drop"]
    assert "CamLogger: the averaged weights of Averaging are explained, as they are validated" in caplog.text
    assert any(not torch.equal(start[name], value) for name, value in module.state_dict().items())
    # After the run the module has the averaged weights.
    again = make_trainer(*callbacks[is_first : 2 + is_first], version="1")
    again.validate(module, loader, verbose=False)
    assert again.callback_metrics["cam_eval_validate/average_drop"] == pytest.approx(float(drop), abs=1e-3)
    logged = read_events("1").Scalars("cam_validate/confidence")[0].value
    assert confidence(read_events) == pytest.approx(logged, abs=1e-4)


def test_other_averages_are_reported(loader, make_trainer, caplog):
    with caplog.at_level("INFO"):
        make_trainer(CamLogger("grad-cam", num_images=3), ModelEma(), max_epochs=1).fit(ToyClassifier(), loader, loader)
    assert "the trained weights are explained, not those that ModelEma may validate" in caplog.text


def test_without_an_average_nothing_is_reported(make_trainer):
    assert describe_validated_weights(make_trainer()) == ""
