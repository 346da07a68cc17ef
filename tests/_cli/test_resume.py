"""Checkpoints of the run whose configuration is given, and the configuration that a resumed run had."""

from __future__ import annotations

import os

import pytest

from camaug._cli.find_checkpoint import find_checkpoint
from camaug._cli.resume import continue_run, evaluated_checkpoint, is_run_folder, newest_checkpoint


class Logger(dict):
    """Settings of a TensorBoardLogger."""

    class_path = "lightning.pytorch.loggers.TensorBoardLogger"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Enter a folder with two runs, of which the second is newer."""
    monkeypatch.chdir(tmp_path)
    for number in (0, 1):
        folder = tmp_path / f"runs/mine/version_{number}"
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "config.yaml").write_text(f"number: {number}")
        for keyword in ("best", "last"):
            path = folder / f"checkpoints/{keyword}.ckpt"
            path.write_bytes(b"")
            os.utime(path, ns=(number, number))
    return tmp_path / "runs/mine"


def settings(*files: str, version: str | None = None) -> dict:
    logger = Logger(init_args={"save_dir": "runs", "name": "mine", "version": version})
    return {"config": list(files), "trainer": {"logger": logger}}


@pytest.mark.parametrize(
    ("files", "number"),
    [
        ((), 1),
        (("configs/finetune.yaml",), 1),
        (("runs/mine/version_0/config.yaml",), 0),
        (("configs/finetune.yaml", "runs/mine/version_0/config.yaml"), 0),
        (("runs/mine/version_0/config.yaml", "more.yaml"), 1),
    ],
)
def test_last_and_best_are_of_the_given_run_else_of_the_newest(files, number, runs):
    expected = os.path.join("runs/mine", f"version_{number}", "checkpoints")
    assert newest_checkpoint(settings(*files)).endswith(os.path.join(expected, "last.ckpt"))
    for keyword in ("best", "last"):
        assert evaluated_checkpoint(settings(*files), keyword).endswith(os.path.join(expected, f"{keyword}.ckpt"))


def test_a_resumed_run_keeps_the_configuration_that_it_had(runs):
    config = {**settings(), "ckpt_path": str(runs / "version_1/checkpoints/last.ckpt")}
    assert continue_run(config, 40)
    assert config["trainer"]["logger"]["init_args"]["version"] == "version_1"
    assert (runs / "version_1/config_until_step_40.yaml").read_text() == "number: 1"
    (runs / "version_1/config.yaml").write_text("number: 2")
    config = {**settings(), "ckpt_path": str(runs / "version_1/checkpoints/last.ckpt")}
    assert continue_run(config, 40)
    assert (runs / "version_1/config_until_step_40.yaml").read_text() == "number: 1"


def test_a_runs_folder_has_a_checkpoint_and_a_sharded_one_is_one(runs):
    folder = str(runs / "version_0")
    assert is_run_folder(folder)
    assert find_checkpoint(folder).name == "best.ckpt"
    assert find_checkpoint(folder, ("last",)).name == "last.ckpt"
    (runs / "version_0/meta.pt").write_bytes(b"")
    assert not is_run_folder(folder)
    assert not is_run_folder(None)
    assert not is_run_folder("none")
