"""The classes that an experiment explains."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import InsertionDeletionExperiment


def test_labels_can_be_explained_instead_of_predictions(two_halves, batches, explainers):
    half = explainers["half"]
    report = InsertionDeletionExperiment([half("left"), half("right")], target="label", step=0.1).run(
        two_halves, batches
    )
    left, right = report.tables[0].column("over-all, %")
    assert right.value > left.value  # the labels are class 1, the right half


@pytest.mark.parametrize(
    ("labels", "target", "message"),
    [
        (None, "label", "the images' labels, and no labels of the model's classes are known"),
        (torch.tensor([0, 3, 7, 1]), "label", "the labels 3, 7 are not among the model's 3 classes"),
        (None, "true", "`target` must be 'predicted' or 'label', got 'true'"),
    ],
)
def test_impossible_targets_are_refused(two_halves, batches, labels, target, message):
    with pytest.raises(ValueError, match=message):
        InsertionDeletionExperiment(["random"], target=target).run(two_halves, [batches[0]._replace(labels=labels)])
