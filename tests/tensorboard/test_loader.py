"""TensorBoard finds the tab by its entry point and keeps all of its snapshots."""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points

import pytest

from camaug.tensorboard.loader import CamaugLoader
from tests.tensorboard.conftest import CLASSES, decode_map, make_snapshot, step_of, write_run
from tests.tensorboard.tensorboard_process import TensorBoardProcess


def test_the_entry_point_is_installed():
    (entry_point,) = entry_points(group="tensorboard_plugins", name="camaug")
    assert entry_point.load() is CamaugLoader


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"camaug": 0}),
        (None, {"camaug": 0}),
        ({"images": 5}, {"camaug": 0, "images": 5}),
        ({"camaug": 7}, {"camaug": 7}),
    ],
)
def test_every_step_is_kept_unless_the_user_gives_a_number(given, expected):
    flags = argparse.Namespace(samples_per_plugin=given)
    CamaugLoader().fix_flags(flags)
    assert flags.samples_per_plugin == expected


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.slow
def test_tensorboard_keeps_sixty_of_sixty_snapshots(tmp_path, fast):
    if fast:
        pytest.importorskip("tensorboard_data_server", reason="the fast loader is not installed")
    snapshots = [make_snapshot(epoch) for epoch in range(60)]
    repeated = [make_snapshot(epoch + 50) for epoch in (58, 59)]
    write_run(tmp_path / "a", snapshots)
    write_run(tmp_path / "a", repeated, first_epoch=58, suffix=".2")
    with TensorBoardProcess(tmp_path, f"--load_fast={str(fast).lower()}") as tensorboard:
        tensorboard.wait_for_runs(lambda runs: [len(run["steps"]) for run in runs] == [60])
        series = {"run": "a", "prefix": "cam", "method": "group-cam"}
        response = tensorboard.fetch_json("snapshots", **series)
        assert response["epochs"] == list(range(60))
        assert response["steps"] == [step_of(epoch) for epoch in range(60)]
        confidence = repeated[-1].probabilities.amax(dim=1)
        assert response["snapshots"]["confidence"][59] == pytest.approx(confidence.tolist(), abs=1e-6)
        assert response["classes"] == list(CLASSES)
        maps = tensorboard.fetch_json("maps", **series, probe=20)["maps"]["20"]
        assert len(maps["steps"]) == 60
        assert (decode_map(maps, 0) - snapshots[0].maps[2]).abs().max() <= 1 / 255
        assert tensorboard.fetch("original", run="a", prefix="cam", probe=20)[:3] == b"\xff\xd8\xff"
