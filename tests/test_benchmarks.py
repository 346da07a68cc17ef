"""The benchmarks run and their tables are complete. The values are not tested."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import math
import os
import re
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
    for heading in (
        "Methods",
        "Fidelity",
        "Training step",
        "Epoch",
        "Mistakes",
        "Scaling",
        "Memory",
        "Imports",
        "Tab",
        "Tab scale",
    ):
        assert f"\n## {heading}\n" in page
    assert "threads" in page
    assert str(tmp_path) not in page
    files = sorted((tmp_path / "results").glob("*.json"))
    assert len(files) == 10
    assert all(json.loads(file.read_text())["tables"] for file in files)


def test_the_checks_of_an_accelerator_run_on_the_cpu_and_continue_where_they_stopped(tmp_path):
    gpu_check = importlib.import_module("benchmarks.gpu_check")
    place = ["--device", "cpu", "--output", str(tmp_path)]
    gpu_check.main([*place, "--section", "neutrality"])
    begun = []

    def start(command, seconds):
        begun.append((command[2], seconds))
        return "ended with status 1: no GPU today"

    gpu_check.main([*place, "--only", "neutrality", "explainers"], start)
    assert begun == [("--section=explainers", 75 + gpu_check.GRACE)]
    lines = (tmp_path / "gpu_check_neutrality.csv").read_text().splitlines()
    assert len(lines) == 6
    assert all(line.split(",")[-3:] == ["equal", "equal", ""] for line in lines[1:])
    page = (tmp_path / "gpu_check.md").read_text()
    assert "## neutrality" in page
    assert "ended with status 1: no GPU today" in page
    gpu_check.main([*place, "--only", "explainers", "--seconds", "0"], start)
    assert len(begun) == 1
    assert "not measured, because the time is over" in (tmp_path / "gpu_check.md").read_text()


@pytest.mark.parametrize("name", ["explainers", "steps"])
def test_the_checks_of_an_accelerator_find_no_error_on_the_cpu(name):
    gpu_check = importlib.import_module("benchmarks.gpu_check")
    sizes = gpu_check.Sizes(torch.device("cpu"), **gpu_check.CPU_SIZES)
    rows = list(itertools.islice(gpu_check.SECTIONS[name].rows(sizes), 4))
    assert len(rows) == 4
    assert all(row[-1] == "" and None not in row[2:4] for row in rows)


def test_a_check_that_takes_too_long_keeps_the_rows_that_it_has(tmp_path):
    gpu_check = importlib.import_module("benchmarks.gpu_check")
    section = gpu_check.Section("numbers", ("number", "error"), lambda sizes: ([n, ""] for n in range(9)), budget=9)
    gpu_check.measure(section, gpu_check.Sizes(torch.device("cpu")), tmp_path / "numbers.json", seconds=-1)
    content = json.loads((tmp_path / "numbers.json").read_text())
    assert content["rows"] == [[0, ""]]
    assert content["notes"] == ["ended after 0 s: further rows are not measured"]


@pytest.mark.parametrize(
    ("code", "seconds", "cause"),
    [
        ("pass", 60, ""),
        ("raise ValueError('no GPU today')", 60, "ended with status 1: ValueError: no GPU today"),
        ("input()", 0, "ended after 0 s, in the middle of a row"),
    ],
)
def test_a_section_that_fails_or_hangs_is_a_line_of_the_report(code, seconds, cause):
    gpu_check = importlib.import_module("benchmarks.gpu_check")
    assert gpu_check._run([sys.executable, "-c", code], seconds) == cause


def test_the_messages_between_processes_are_counted():
    recording = importlib.import_module("benchmarks.recording_group")
    collectives = importlib.import_module("benchmarks.collectives")
    one = [recording.Message("a.py, f", "broadcast", 8), recording.Message("a.py, f", "broadcast", 4)]
    table = collectives.tabulate(2, {"x": [one, one], "y": [one, one[:1]]})
    assert table.rows[0] == ["x", "`a.py, f`", "broadcast", 2, 8, 12, ""]
    assert table.rows[1][-1] == "DIFFERENT NUMBERS ON SOME PROCESSES"


DATA = Path(os.environ.get("CAMAUG_DATA", ROOT.parent / "shared" / "data"))
PHOTOS = (DATA / "clothing", DATA / "tf_efficientnet_lite0_imagenet.safetensors")
RUNS = [ROOT / "benchmarks/results" / name for name in ("gpu_recipes.csv", "cpu_recipes.csv")]


@pytest.mark.skipif(not all(path.exists() for path in PHOTOS), reason=f"needs {DATA / 'clothing'}: set CAMAUG_DATA")
def test_the_comparison_of_recipes_writes_one_run_a_line_and_resumes(tmp_path, capsys):
    recipes = importlib.import_module("benchmarks.recipes")
    output = tmp_path / "runs.jsonl"
    command = ["--plan", "quick", "--device", "cpu", "--seeds", "0", "--output", str(output)]
    recipes.main([*command, "--arms", "paired-hide"])
    recipes.main([*command, "--arms", "paired-hide", "mask-tune"])
    runs = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(run["arm"], run["marked"], run["seed"], run["epochs"]) for run in runs] == [
        ("paired-hide", True, 0, 1),
        ("mask-tune", True, 0, 1),
    ]
    assert all(0 <= value <= 1 for run in runs for key, value in run.items() if key.startswith(("val_", "test_")))


@pytest.mark.parametrize("runs", RUNS, ids=lambda path: path.stem)
def test_the_page_has_the_tables_of_the_comparison_of_recipes(runs, capsys):
    recipes = importlib.import_module("benchmarks.recipes")
    recipes.main(["--summarise", str(runs)])
    tables = [part for part in capsys.readouterr().out.split("\n\n") if part.startswith("| arm")]
    page = (ROOT / "docs/results.md").read_text()
    assert tables
    assert all(table in page for table in tables)


@pytest.mark.parametrize("seed", [0, 2])
def test_every_arm_of_the_comparison_has_a_gradient(seed):
    arms = importlib.import_module("benchmarks.recipe_arms")
    torch.manual_seed(seed)
    features = [torch.nn.Conv2d(3, 16, 3, stride=4), torch.nn.ReLU()]
    model = torch.nn.Sequential(*features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 10))
    vars(model)["blocks"] = features  # the stages that ManifoldMixup may choose
    images, labels = torch.randn(4, 3, 64, 64), torch.arange(4)
    for name, arm in arms.ARMS.items():
        model.zero_grad()
        loss = arm.loss(model, arm.transform(model), images, labels)
        loss.backward()
        assert math.isfinite(loss.item()), name
        assert all(parameter.grad is not None for parameter in model.parameters()), name


def test_the_marks_have_the_colour_of_the_class():
    photos = importlib.import_module("benchmarks.recipe_photos")
    images = torch.full((3, 3, photos.SIDE, photos.SIDE), 9, dtype=torch.uint8)
    marked, masks = photos.paint_marks(images, torch.tensor([2, -1, 0]), torch.Generator().manual_seed(0))
    assert masks.sum((1, 2)).tolist() == [photos.MARK**2, 0, photos.MARK**2]
    assert marked[0][:, masks[0]].unique(dim=1).flatten().tolist() == [0, 0, 255]
    assert torch.equal(marked[1], images[1])
    assert (marked.amax(1)[~masks] == 9).all()


MAPS = (DATA / "imagenet_samples", DATA / "squeezenet1_0_imagenet.safetensors")
MAP_QUALITY = ROOT / "benchmarks/results/map_quality.csv"


@pytest.mark.skipif(not all(path.exists() for path in MAPS), reason=f"needs {MAPS[0]}: set CAMAUG_DATA")
def test_the_quality_of_maps_is_measured_photo_by_photo_and_resumes(tmp_path):
    map_quality = importlib.import_module("benchmarks.map_quality")
    output = tmp_path / "maps.csv"
    command = ["--networks", "squeezenet1_0", "--photos", "2", "--independent", "--output", str(output)]
    map_quality.main([*command, "--methods", "grad-cam"])
    map_quality.main([*command, "--methods", "grad-cam", "random"])
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["method"] for row in rows] == ["grad-cam", "grad-cam", "random", "random"]
    recorded = {
        (row["method"], row["photo"]): float(row["insertion"])
        for row in csv.DictReader(MAP_QUALITY.read_text().splitlines())
        if row["network"] == "squeezenet1_0"
    }
    for row in rows:  # measured in low precision
        assert float(row["insertion"]) == pytest.approx(recorded[row["method"], row["photo"]], abs=0.05)


def test_the_page_has_the_tables_of_the_quality_of_maps(capsys):
    map_quality = importlib.import_module("benchmarks.map_quality")
    map_quality.main(["--summarise", str(MAP_QUALITY)])
    tables = [part for part in capsys.readouterr().out.split("\n\n") if part.startswith("| method")]
    assert len(tables) == 3
    page = (ROOT / "docs/results.md").read_text()
    assert all(table.strip() in page for table in tables)


def test_the_page_has_the_tables_of_localisation_and_the_values_of_stability(capsys):
    page = (ROOT / "docs/results.md").read_text()
    localisation = importlib.import_module("benchmarks.map_localisation")
    localisation.main(["--summarise", str(ROOT / "benchmarks/results/map_localisation.csv")])
    tables = [part for part in capsys.readouterr().out.split("\n\n") if part.startswith("| method")]
    assert len(tables) == 2
    assert all(table.strip() in page for table in tables)
    stability = importlib.import_module("benchmarks.map_stability")
    stability.main(["--summarise", str(ROOT / "benchmarks/results/map_stability.csv")])
    drifts = dict(re.findall(r"^\| ([^|]+) \| ([\d.]+)", capsys.readouterr().out, flags=re.MULTILINE))
    methods = (ROOT / "docs/methods.md").read_text()
    for method in ("verified-cam", "grad-cam", "group-cam", "layer-cam"):
        assert f"{float(drifts[method]):.3f}" in methods
