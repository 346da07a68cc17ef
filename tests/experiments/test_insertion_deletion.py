"""Experiment 1 with known results."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import ImageBatch, InsertionDeletionExperiment, mean_interval
from camaug.metrics import InsertionDeletion, area_under, insertion_deletion_curves


def test_the_true_map_beats_random_and_random_beats_the_wrong_one(two_halves, batches, explainers):
    half = explainers["half"]
    methods = ["random", half("left"), half("right")]
    report = InsertionDeletionExperiment(methods, step=0.05).run(two_halves, batches)
    table = report.table("insertion and deletion")
    assert table.column("method") == ["random", "HalfMap", "HalfMap side=right"]
    random, left, right = table.column("over-all, %")
    assert left.low > random.high
    assert right.high < random.low
    assert table.column("images") == [6, 6, 6]

    differences = report.table("paired differences")
    assert differences.columns[1] == "over-all minus random, points"
    better, worse = differences.column(differences.columns[1])
    assert better.low > 0 > worse.high
    assert better.value == pytest.approx(left.value - random.value)


def test_the_values_equal_the_metric(two_halves, batches, explainers):
    half = explainers["half"]("left")
    report = InsertionDeletionExperiment([half], step=0.1).run(two_halves, batches)
    metric = InsertionDeletion(step=0.1)
    areas = []
    for batch in batches:
        maps = half(two_halves, batch.images).maps
        metric.update(two_halves, batch.images, maps)
        areas.append(area_under(insertion_deletion_curves(two_halves, batch.images, maps, step=0.1)[0]))
    (row,) = report.tables[0].rows
    expected = {name: float(value) * 100 for name, value in metric.compute().items()}
    assert [cell.value for cell in row[1:4]] == pytest.approx(
        [expected["insertion"], expected["deletion"], expected["over_all"]], abs=1e-4
    )
    assert row[1] == mean_interval(torch.cat(areas)).scaled(100)
    (xs, ys) = report.curves[0].series["HalfMap"]
    assert (xs[0], xs[-1], len(xs)) == (0, 100, 11)
    assert ys[-1] == pytest.approx(report.curves[1].series["HalfMap"][1][0], abs=1e-4)  # both of the whole image


def test_constant_maps_are_included_and_counted(two_halves, batches, explainers):
    report = InsertionDeletionExperiment([explainers["half"]("constant")], step=0.1).run(two_halves, batches)
    (row,) = report.tables[0].rows
    assert row[-2:] == [6, 6]


def test_the_experiment_changes_nothing(two_halves, batches, unchanged):
    with unchanged(two_halves):
        InsertionDeletionExperiment(["random", "grad-cam"], step=0.2).run(two_halves, batches)


@pytest.mark.parametrize(
    ("methods", "setting", "reference"),
    [
        (["grad-cam", "group-cam"], None, "group-cam"),
        (["grad-cam", "eigen-cam"], None, "grad-cam"),
        (["grad-cam", "eigen-cam"], "eigen-cam", "eigen-cam"),
    ],
)
def test_the_reference_is_group_cam_or_the_first_unless_another_is_named(net, images, methods, setting, reference):
    report = InsertionDeletionExperiment(methods, reference=setting, step=0.5).run(net, [ImageBatch(images)])
    differences = report.table("paired differences")
    assert differences.columns[1] == f"over-all minus {reference}, points"
    assert differences.column("method") == [name for name in methods if name != reference]


def test_an_unsupported_reference_is_an_error(net, images):
    experiment = InsertionDeletionExperiment(["random", "legrad"], reference="legrad", step=0.5)
    with pytest.raises(ValueError, match=r"the reference legrad does not support this model: choose .*random"):
        experiment.run(net, [ImageBatch(images)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": []}, "`methods` names no method"),
        ({"methods": ["grupcam"]}, "unknown explainer 'grupcam'"),
        ({"methods": ["random", "random"]}, "`methods` names a method twice: random, random"),
        ({"reference": "rise"}, "`reference` must be one of the methods, random, grad-cam, group-cam, got rise"),
        ({"preset": "scripts"}, "`preset` must be 'paper' or 'script'"),
        ({"step": 0.0}, "`step` must be a positive share"),
    ],
)
def test_bad_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(ValueError, match=message):
        InsertionDeletionExperiment(**settings)
