"""The benchmarks run and their tables are complete. The values are not tested."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.toys import FakeClock

ROOT = Path(__file__).parents[1]
QUICK = {"batch_size": 2, "image_size": 64, "rounds": 1, "quick": True}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def measured(section: str):
    options = importlib.import_module("benchmarks.options").Options(**QUICK)
    return importlib.import_module(f"benchmarks.{section}").measure(options)


def numbers(table) -> list[float]:
    return [cell for row in table.rows for cell in row if isinstance(cell, int | float)]


def test_work_is_timed_in_turn_and_the_first_round_does_not_count():
    timing = importlib.import_module("benchmarks.timing")
    clock, calls = FakeClock(), []
    durations = {"fast": iter([100.0, 1.0, 3.0, 2.0]), "slow": iter([100.0, 10.0, 30.0, 20.0])}

    def work(name):
        def run():
            calls.append(name)
            clock.advance(next(durations[name]))

        return run

    medians = timing.medians({name: work(name) for name in durations}, torch.device("cpu"), rounds=3, clock=clock)
    assert medians == {"fast": 2.0, "slow": 20.0}
    assert calls == ["fast", "slow"] * 4
    with pytest.raises(ValueError, match="`rounds` must be at least 1, got 0"):
        timing.medians({}, torch.device("cpu"), rounds=0)


@pytest.mark.parametrize(
    ("section", "first", "rows"),
    [
        ("methods", "forward", {"grad-cam", "group-cam", "score-cam", "rise masks=32"}),
        ("fidelity", "plain", {"fast", "fast, half-resolution queries", "grad-cam", "other image"}),
        ("training_step", "forward", {"plain step", "MixUp", "CutMix", "Group-CAM, fast", "Group-CAM, from the bank"}),
        ("scaling", "group-cam", {"group-cam", "group-cam, fast", "score-cam"}),
    ],
)
def test_tables_have_their_rows_and_finite_values(section, first, rows):
    (table,) = measured(section)
    names = [row[0] for row in table.rows]
    assert names[0] == first
    assert rows <= set(names)
    assert all(math.isfinite(number) for number in numbers(table))
    if first == "forward":
        assert table.rows[0][-1] == pytest.approx(1) or section == "training_step"
    if section == "fidelity":
        assert table.rows[0][1:5] == [1, 1, 1, 1]


@pytest.mark.slow
def test_the_command_writes_a_page_with_every_section(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "benchmarks/run.py"), "--quick", "--models", "squeezenet1_0"]
    subprocess.run([*command, "--device", "cpu", "--output", str(tmp_path)], env=environment, check=True, timeout=280)
    page = (tmp_path / "README.md").read_text()
    for heading in ("Methods", "Fidelity", "Training step", "Epoch", "Scaling", "Memory", "Imports", "Tab"):
        assert f"\n## {heading}\n" in page
    assert "threads" in page
    assert str(tmp_path) not in page
    files = sorted((tmp_path / "results").glob("*.json"))
    assert len(files) == 8
    assert all(json.loads(file.read_text())["tables"] for file in files)


def test_the_checks_of_an_accelerator_run_on_the_cpu(tmp_path):
    gpu_check = importlib.import_module("benchmarks.gpu_check")
    gpu_check.main(["--device", "cpu", "--only", "neutrality", "--output", str(tmp_path)])
    lines = (tmp_path / "gpu_check_neutrality.csv").read_text().splitlines()
    assert len(lines) == 6
    assert all(line.split(",")[-3:] == ["equal", "equal", ""] for line in lines[1:])
    assert "## neutrality" in (tmp_path / "gpu_check.md").read_text()
