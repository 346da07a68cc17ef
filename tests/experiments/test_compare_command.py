"""Small real comparisons by the command line."""

from __future__ import annotations

import csv
import json

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug.cli import main
from camaug.experiments.compare_command import merge_settings


def test_settings_are_merged_by_section():
    settings = {"model": {"name": "a", "lr": 1}, "seed": 1}
    assert merge_settings(settings, {"model": {"lr": 2}}) == {"model": {"name": "a", "lr": 2}, "seed": 1}
    assert settings["model"]["lr"] == 1


@pytest.fixture
def config(tmp_path):
    """Return a configuration of two arms of a tiny network on drawn shapes."""
    settings = {
        "compare": {
            "arms": {"none": {"augmentation": {"share": 0}}, "mix": {"augmentation": {"recipe": "snapmix"}}},
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


@pytest.mark.usefixtures("forked_runs")
def test_the_command_resumes(config, tmp_path, capsys):
    """Two arms with two seeds are trained once. Then only a lost result and a changed arm are trained again."""
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


def test_arguments_that_fit_cannot_parse_are_refused_before_any_training(config, tmp_path):
    done = tmp_path / "out/none/seed-0"
    done.mkdir(parents=True)
    for name in ("settings.json", "result.json"):
        (done / name).write_text("{}")
    message = r"nothing was trained. It was given --data.batchsize 8 and failed with error:(.|\n)*batchsize"
    with pytest.raises(ValueError, match=message):
        main(["compare", "--config", str(config), "--data.batchsize", "8"])
    assert (done / "result.json").read_text() == "{}"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"none", "common.yaml"}


def test_an_interrupted_command_can_be_resumed(config, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("camaug.experiments.comparison_folder.ComparisonFolder.train", interrupted)
    monkeypatch.setattr("camaug.experiments.comparison_folder.ComparisonFolder.check_arguments", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--config", str(config), "--seeds", "[0, 1]", "--arms", "mix"])
    assert ended.value.code == 130
    assert "the same command resumes" in capsys.readouterr().out


@pytest.mark.slow
def test_a_failed_run_is_reported_and_the_command_ends_with_an_error(config, tmp_path, capsys):
    changed = yaml.safe_load(config.read_text())
    changed["compare"]["seeds"] = [0]
    changed["compare"]["arms"]["mix"] = {"augmentation": {"recipe": "mixed"}}
    config.write_text(yaml.safe_dump(changed))
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--config", str(config)])
    assert ended.value.code == 1
    output = capsys.readouterr().out
    assert "mix, seed 0, ended with exit code" in output
    assert "mixed" in output
    assert "failed: mix, seed 0" in (tmp_path / "out/report.md").read_text()


@pytest.mark.usefixtures("forked_runs")
def test_a_foreign_folder_is_left_unchanged(config, tmp_path):
    mine = tmp_path / "out/none/seed-0/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(FileExistsError, match="seed-0 exists and is not of a comparison"):
        main(["compare", "--config", str(config)])
    assert mine.read_text() == "precious"


def test_a_configuration_without_arms_is_refused(tmp_path):
    path = tmp_path / "fit.yaml"
    path.write_text("model: {name: resnet18}")
    with pytest.raises(ValueError, match="has no section `compare` with the `arms`"):
        main(["compare", "--config", str(path)])
    path.write_text("compare: {arms: {none: {}}, repeats: 3}")
    with pytest.raises(ValueError, match="`compare` has no setting 'repeats'"):
        main(["compare", "--config", str(path)])
