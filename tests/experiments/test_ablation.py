"""Experiment 2: the effect of a method's settings."""

from __future__ import annotations

import pytest

from camaug import GroupCAM
from camaug.experiments import AblationExperiment, ImageBatch, InsertionDeletionExperiment


@pytest.fixture
def batches(images) -> list[ImageBatch]:
    return [ImageBatch(images[:3]), ImageBatch(images[3:])]


def test_each_setting_has_a_table_and_a_plot(net, batches):
    sweeps = {"theta": [None, 50, 70], "groups": [2, 4], "grouping": ["order"]}
    report = AblationExperiment(GroupCAM(groups=4), sweeps, step=0.25).run(net, batches)
    assert [table.name for table in report.tables] == ["theta", "groups", "grouping"]
    assert report.table("theta").column("theta") == ["none", "50", "70"]
    two, four = report.table("groups").column("queries")
    assert two == 4  # the image, its blur, and one for each group
    assert 5 <= four <= 6  # less for an inactive group
    theta, groups = report.curves  # a setting without numbers has no plot
    assert theta.series["over-all"][0] == [50, 70]
    assert theta.series["over-all"][1] == [cell.value for cell in report.table("theta").column("over-all, %")[1:]]
    none = report.table("theta").column("over-all, %")[0].value
    assert theta.series["over-all, theta none"] == ([50, 70], [none, none])
    assert set(groups.series) == {"insertion", "deletion", "over-all"}
    low, high = groups.bands["over-all"]
    assert all(
        below <= value <= above for below, value, above in zip(low, groups.series["over-all"][1], high, strict=True)
    )


def test_differences_are_relative_to_the_methods_own_value(net, batches):
    table = AblationExperiment(GroupCAM(groups=4), {"groups": [2, 4]}, step=0.25).run(net, batches).table("groups")
    (two, own), (difference, nothing) = table.column("over-all, %"), table.column("difference, points")
    assert difference.value == pytest.approx(two.value - own.value, abs=1e-4)
    assert nothing is None
    assert table.notes == ["Difference: over-all minus the over-all of groups 4, image by image."]


def test_the_metrics_equal_those_of_the_first_experiment(net, batches):
    one = AblationExperiment("group-cam", {"groups": [3]}, step=0.25).run(net, batches).table("groups").rows[0]
    other = InsertionDeletionExperiment([GroupCAM(groups=3)], step=0.25).run(net, batches).tables[0].rows[0]
    assert one[1:4] == other[1:4]


def test_a_value_that_the_model_does_not_support_is_left_out_and_named(net, batches):
    report = AblationExperiment("group-cam", {"groups": [4, 64]}, step=0.5).run(net, batches)
    assert report.table("groups").column("groups") == ["4"]
    compared, note = report.table("groups").notes
    assert compared == "Difference: over-all minus the over-all of groups 4, image by image."
    assert note.startswith("left out: groups 64, which does not support this model: `groups` must be between 1 and")
    assert not report.curves


@pytest.mark.parametrize(
    ("sweeps", "message"),
    [
        ({}, "`sweeps` names no setting"),
        ({"theta": []}, "`sweeps` gives no values for 'theta'"),
        ({"tetha": [1]}, "group-cam has no setting 'tetha', expected some of .*theta"),
        ({"theta": [170]}, "theta"),
    ],
)
def test_bad_sweeps_are_refused_before_any_work(sweeps, message):
    with pytest.raises(ValueError, match=message):
        AblationExperiment(sweeps=sweeps)
