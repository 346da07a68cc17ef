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
