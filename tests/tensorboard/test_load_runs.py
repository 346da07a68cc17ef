"""Runs are read from a run's folder, a folder of runs or a single event file."""

from __future__ import annotations

import pytest
from torch.utils.tensorboard import SummaryWriter

from camaug.tensorboard.load_runs import load_runs
from tests.tensorboard.conftest import make_snapshot, write_run


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "demo" / "version_0"
    write_run(folder, [make_snapshot(epoch) for epoch in range(13)])
    write_run(folder, [make_snapshot(9, probes=2)], method="grad-cam", prefix="grad-cam", suffix=".2")
    return folder


def found(path) -> list[tuple[str, str, int]]:
    return [(entry["run"], entry["method"], len(entry["steps"])) for entry in load_runs(path).runs()["runs"]]


def test_a_run_has_the_name_of_its_folder_and_every_snapshot(run):
    assert found(run) == [("demo/version_0", "group-cam", 13), ("demo/version_0", "grad-cam", 1)]


def test_a_folder_of_runs_has_all_of_them(run):
    write_run(run.parent / "version_1", [make_snapshot(0)])
    parts = (run.parent.parent.name, "demo")
    assert {name for name, _, _ in found(run.parent)} == {"/".join((*parts, f"version_{n}")) for n in range(2)}


def test_a_single_event_file_suffices(run):
    (file,) = run.glob("*.2")
    assert [(method, count) for _, method, count in found(file)] == [("grad-cam", 1)]


def test_a_folder_without_heatmaps_is_an_error_with_a_remedy(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0, 0)
    with pytest.raises(ValueError, match="no data of the camaug tab: give the folder of a run that was trained with"):
        load_runs(tmp_path / "run")


def test_a_missing_folder_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="give a run's folder, such as runs/demo/version_0"):
        load_runs(tmp_path / "nowhere")
