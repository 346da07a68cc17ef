"""The plan of a comparison, its statistics, and small real ones by the command line."""

from __future__ import annotations

import csv
import json

import pytest
import yaml
from rich.console import Console
from scipy import stats
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug.cli import main
from camaug.experiments.compare_command import merge_settings
from camaug.experiments.comparison import Comparison, round_up_length
from camaug.experiments.comparison_folder import TrainingFailedError
from camaug.experiments.run_comparison import run_comparison
from camaug.experiments.training_run import RunResult, TrainingRun

ARMS = {"usual": {"model": {"lr": 0.1}}, "none": {}, "costly": {"augmentation": {"recipe": "mix"}}}
QUIET = Console(quiet=True)
ACCURACIES = {
    ("none", None): (0.70, 0.72, 0.74),
    ("usual", None): (0.71, 0.75, 0.75),
    ("costly", None): (0.74, 0.73, 0.78),
    ("none", 12): (0.75, 0.75, 0.78),
}
SECONDS = {"none": 10.0, "usual": 11.0, "costly": 28.0}


def trained(run: TrainingRun) -> RunResult:
    """A training whose result is known: four epochs of five steps, unless it is to be another number."""
    epochs = run.epochs or 4
    accuracy = ACCURACIES[run.arm, run.epochs][run.seed]
    history = {"val/accuracy": [0.5] * (epochs - 2) + [accuracy + 0.01, accuracy]}
    final = {"val/accuracy": accuracy, "cam/over_all": accuracy / 2}
    return RunResult(run, epochs, 5 * epochs, SECONDS[run.arm] * epochs / 4, history, final)


@pytest.fixture
def comparison():
    return Comparison(ARMS, seeds=[0, 1, 2])


def test_the_plan(comparison):
    plan = list(comparison.runs())
    assert [(t.seed, t.arm) for t in plan][:4] == [(0, "none"), (0, "usual"), (0, "costly"), (1, "none")]
    assert len(plan) == 9
    assert plan[1].settings == ARMS["usual"]
    some = Comparison(ARMS, seeds=[4], only=["costly"])
    assert [t.arm for t in some.runs()] == ["none", "costly"]


def test_at_equal_compute_the_reference_is_trained_as_long_as_what_costs_more(comparison):
    results = [trained(run) for run in comparison.runs()]
    longer = comparison.longer_references(results)
    assert [(t.arm, t.seed, t.epochs, t.group) for t in longer] == [
        ("none", seed, 12, "none-12-epochs")
        for seed in range(3)  # 2.8 times, rounded up to three
    ]
    assert Comparison(ARMS, seeds=[0], equal_compute=False).longer_references(results) == []
    assert [round_up_length(cost) for cost in (1.19, 1.21, 2.4, 2.5, 1000)] == [1, 1.5, 2, 3, 32]


def test_the_report_by_hand(comparison):
    report, failures = run_comparison(comparison, trained, QUIET)
    assert failures == {}
    table = report.table("equal epochs")
    assert table.column("arm") == ["none", "usual", "costly"]
    assert table.column("last epoch") == pytest.approx([72, 73.6666667, 75])
    assert table.column("sd") == pytest.approx([2, 2.3094, 2.6458], abs=1e-4)
    assert table.column("best epoch") == pytest.approx([73, 74.6666667, 76])
    assert table.column("compute") == pytest.approx([1, 1.1, 2.8])
    nothing, usual, costly = table.column("minus reference")
    assert nothing is None
    differences = stats.ttest_rel([71, 75, 75], [70, 72, 74])
    interval = differences.confidence_interval(0.95)
    assert (usual.value, usual.low, usual.high) == pytest.approx((5 / 3, interval.low, interval.high))
    assert costly.value == pytest.approx(3)
    equal = report.table("equal compute")
    assert equal.column("arm") == ["usual", "costly"]
    assert equal.column("reference") == ["4 epochs", "12 epochs"]
    assert [cell.value for cell in equal.column("minus reference")] == pytest.approx([5 / 3, -1])
    assert report.table("attention").column("over_all")[2].value == pytest.approx(0.375)
    assert len(report.table("runs").rows) == 12
    curve = report.curves[0].series["none"]
    assert (curve[0], curve[1]) == ([1, 2, 3, 4], pytest.approx([50, 50, 73, 72]))


def test_what_fails_does_not_stop_the_others_and_is_reported(comparison):
    def sometimes(training):
        if (training.arm, training.seed) in (("usual", 1), ("costly", 0), ("costly", 1), ("costly", 2)):
            raise TrainingFailedError("no memory")
        return trained(training)

    report, failures = run_comparison(comparison, sometimes, QUIET)
    assert failures["usual, seed 1"] == "no memory"
    assert len(failures) == 4
    assert "failed: costly, seed 2" in report.notes
    table = report.table("equal epochs")
    assert table.column("arm") == ["none", "usual"]
    assert table.column("seeds") == [3, 2]
    assert table.column("minus reference")[1].value == pytest.approx(1)  # of the seeds that both have


def test_without_the_reference_there_is_nothing_to_compare_with(comparison):
    def never(training):
        raise TrainingFailedError("no memory")

    with pytest.raises(ValueError, match="there is no result of the arm 'none'"):
        run_comparison(comparison, never, QUIET)
    with pytest.raises(ValueError, match="`metric` 'val/f1' is not among what none logged: cam/over_all, val/accuracy"):
        run_comparison(Comparison(ARMS, seeds=[0], metric="val/f1"), trained, QUIET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": "nothing"}, "`reference` must be one of the arms usual, none, costly, got 'nothing'"),
        ({"only": ["mixup"]}, "unknown arms mixup, expected some of usual, none, costly"),
        ({"seeds": [1, 1]}, r"`seeds` must be one or more different numbers, got \[1, 1\]"),
        (
            {"arms": {"none": None}},
            "the arm 'none' must be sections of a configuration, {} for none, got None",
        ),
        (
            {"arms": {"none": {}, "../out": {}}},
            "an arm's name is the name of its folder, too, which '../out' cannot be",
        ),
    ],
)
def test_impossible_comparisons(settings, message):
    with pytest.raises(ValueError, match=message):
        Comparison(**{"arms": ARMS, **settings})


def test_settings_over_settings():
    settings = {"model": {"name": "a", "lr": 1}, "seed": 1}
    assert merge_settings(settings, {"model": {"lr": 2}}) == {"model": {"name": "a", "lr": 2}, "seed": 1}
    assert settings["model"]["lr"] == 1


@pytest.fixture
def config(tmp_path):
    """Two arms of a tiny network on drawn shapes."""
    settings = {
        "compare": {
            "arms": {"none": {"augmentation": {"share": 0}}, "mix": {"augmentation": {"recipe": "mix", "share": 0.5}}},
            "output": str(tmp_path / "out"),
            "seeds": [0, 1],
            "equal_compute": False,
        },
        "model": {"name": "timm/test_resnet"},
        "data": {
            "class_path": "ShapesDataModule",
            "init_args": {"train_size": 16, "val_size": 8, "image_size": 32, "batch_size": 8, "num_workers": 0},
        },
        "cam": {"every_n_epochs": 100, "images": 2, "explainer": "grad-cam"},
        "augmentation": {"explainer": "grad-cam"},
        "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    }
    path = tmp_path / "compare.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_the_command_is_resumed_where_it_stopped(config, tmp_path, capsys):
    """Two arms and two seeds; then nothing to do; then one result lost, and one arm changed."""
    out = tmp_path / "out"
    report = main(["compare", "--config", str(config), "--trainer.limit_val_batches", "1"])
    assert [row[:2] for row in report.table("equal epochs").rows] == [["none", 2], ["mix", 2]]
    assert "equal epochs" in capsys.readouterr().out
    with (out / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["seed"], row["epochs"]) for row in rows] == [
        ("none", "0", "1"), ("mix", "0", "1"), ("none", "1", "1"), ("mix", "1", "1"),
    ]  # fmt: skip
    assert (out / "by_epoch.png").exists()
    events = EventAccumulator(str(out / "report")).Reload().Tags()
    assert {"equal_epochs/text_summary", "runs/text_summary"} <= set(events["tensors"])
    assert events["images"] == ["by_epoch"]
    results = {path.parent: path for path in out.rglob("result.json")}
    assert len(results) == 4
    assert all(list(folder.glob("events*")) for folder in results)
    assert yaml.safe_load((out / "mix/seed-1/config.yaml").read_text())["seed_everything"] == 1

    before = {folder: path.stat().st_mtime_ns for folder, path in results.items()}
    results[out / "none/seed-1"].unlink()
    changed = yaml.safe_load(config.read_text())
    changed["compare"]["arms"]["mix"]["augmentation"]["share"] = 1.0
    config.write_text(yaml.safe_dump(changed))
    main(["compare", "--config", str(config), "--trainer.limit_val_batches", "1", "--seeds", "1"])
    again = {path.parent for path in out.rglob("result.json") if path.stat().st_mtime_ns != before.get(path.parent)}
    assert again == {out / "none/seed-1", out / "mix/seed-1"} | {out / "replaced/mix/seed-1-0"}
    assert json.loads((out / "none/seed-0/result.json").read_text())["epochs"] == 1


def test_what_fit_does_not_understand_is_said_before_anything_is_trained(config, tmp_path):
    done = tmp_path / "out/none/seed-0"
    done.mkdir(parents=True)
    for name in ("settings.json", "result.json"):
        (done / name).write_text("{}")
    said = r"nothing was trained. It was given --data.batchsize 8 and failed with error:(.|\n)*batchsize"
    with pytest.raises(ValueError, match=said):
        main(["compare", "--config", str(config), "--data.batchsize", "8"])
    assert (done / "result.json").read_text() == "{}"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"none", "common.yaml"}


def test_stopped_by_hand(config, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("camaug.experiments.comparison_folder.ComparisonFolder.train", interrupted)
    monkeypatch.setattr("camaug.experiments.comparison_folder.ComparisonFolder.check_arguments", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--config", str(config), "--seeds", "[0, 1]", "--arms", "mix"])
    assert ended.value.code == 130
    assert "the same command resumes" in capsys.readouterr().out


@pytest.mark.slow
def test_a_training_that_fails_says_why_and_the_command_ends_with_an_error(config, tmp_path, capsys):
    changed = yaml.safe_load(config.read_text())
    changed["compare"]["seeds"] = [0]
    changed["compare"]["arms"]["mix"] = {"augmentation": {"recipe": "mixed"}}
    config.write_text(yaml.safe_dump(changed))
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--config", str(config)])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "mix, seed 0, ended with exit code" in said
    assert "mixed" in said
    assert "failed: mix, seed 0" in (tmp_path / "out/report.md").read_text()


def test_a_folder_that_is_not_ours_is_left_alone(config, tmp_path):
    mine = tmp_path / "out/none/seed-0/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(FileExistsError, match="seed-0 exists and is not of a comparison"):
        main(["compare", "--config", str(config)])
    assert mine.read_text() == "precious"


def test_a_configuration_without_arms(tmp_path):
    path = tmp_path / "fit.yaml"
    path.write_text("model: {name: resnet18}")
    with pytest.raises(ValueError, match="has no section `compare` with the `arms`"):
        main(["compare", "--config", str(path)])
    path.write_text("compare: {arms: {none: {}}, repeats: 3}")
    with pytest.raises(ValueError, match="`compare` has no setting repeats"):
        main(["compare", "--config", str(path)])
