"""A film is of one run and one method."""

from __future__ import annotations

import pytest
from torch.utils.tensorboard import SummaryWriter

from camaug.film.choose_series import choose_series
from camaug.tensorboard.blobs import ORIGINAL, BlobTag, add_blob
from camaug.tensorboard.load_runs import load_runs
from tests.tensorboard.conftest import make_snapshot, write_run


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "demo" / "version_0"
    write_run(folder, [make_snapshot(epoch) for epoch in range(2)])
    write_run(folder, [make_snapshot(epoch) for epoch in range(2)], method="grad-cam", prefix="a", suffix=".2")
    write_run(folder, [make_snapshot(9)], prefix="cam_test", suffix=".3")
    return folder


def chosen(run, **options):
    return choose_series(load_runs(run), **options)[1:]


def test_the_series_with_the_most_snapshots_is_chosen_the_usual_one_of_several(run):
    assert chosen(run) == ("cam", "group-cam")
    write_run(run, [make_snapshot(epoch) for epoch in range(3)], method="grad-cam", prefix="b", suffix=".4")
    assert chosen(run) == ("b", "grad-cam")


def test_method_and_tag_choose(run):
    assert chosen(run, method="grad-cam") == ("a", "grad-cam")
    assert chosen(run, tag="cam_test") == ("cam_test", "group-cam")
    assert chosen(run, tag="a", method="grad-cam") == ("a", "grad-cam")


def test_unknown_names_are_refused_with_the_known_ones(run):
    with pytest.raises(
        ValueError, match=r"method 'gradcam', did you mean 'grad-cam' .*expected one of grad-cam, group-cam"
    ):
        chosen(run, method="gradcam")
    with pytest.raises(ValueError, match=r"tag 'test', .*expected one of a, cam, cam_test"):
        chosen(run, tag="test")
    with pytest.raises(ValueError, match=r"method 'grad-cam', .*expected one of group-cam$"):
        chosen(run, tag="cam", method="grad-cam")


def test_several_runs_are_refused(run):
    write_run(run.parent / "version_1", [make_snapshot(0)])
    with pytest.raises(ValueError, match=r"of one run, and these are 2: .*demo/version_0, .*demo/version_1; give the"):
        chosen(run.parent)


def test_a_run_without_a_finished_snapshot_is_refused(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        add_blob(writer, BlobTag("cam", ORIGINAL, "0"), b"", 0)
    with pytest.raises(ValueError, match="the run has no finished snapshot: wait for its first one"):
        chosen(tmp_path / "run")
