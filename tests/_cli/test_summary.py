"""Summaries printed when a subcommand ends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from camaug._cli.summary import training_summary


@pytest.mark.parametrize(("share", "line"), [(0.25, "25% are constant: no evidence for the class was found"), (0, "")])
def test_constant_heatmaps_are_a_line(share, line):
    metrics = {"val_accuracy": torch.tensor(0.5), "cam/constant_maps": torch.tensor(share)}
    facts = training_summary(SimpleNamespace(callback_metrics=metrics, checkpoint_callback=None), None)
    assert facts["val_accuracy"] == "50.0%"
    assert facts.get("heatmaps", "").startswith(line)
    assert ("heatmaps" in facts) == bool(line)


@pytest.mark.parametrize(
    ("score", "line"),
    [
        (0.85, "82.5% in the last epoch, 85.0% in the best checkpoint"),
        (0.8251, "82.5%"),
        (None, "82.5%"),
    ],
)
def test_the_accuracy_of_the_best_checkpoint_is_named_if_it_is_another(score, line):
    best = None if score is None else torch.tensor(score)
    checkpoint = SimpleNamespace(monitor="val/accuracy", best_model_score=best, best_model_path="best.ckpt")
    metrics = {"val/accuracy": torch.tensor(0.825)}
    facts = training_summary(SimpleNamespace(callback_metrics=metrics, checkpoint_callback=checkpoint), None)
    assert facts == {"val/accuracy": line, "best checkpoint": "best.ckpt"}
