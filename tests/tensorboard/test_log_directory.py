"""Runs on this machine and in remote storage, for which fsspec's ``memory`` and ``local`` stand here."""

from __future__ import annotations

import os
import types

import fsspec
import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from camaug import cli
from camaug._cli import tensorboard_command
from camaug.callbacks import CamLogger, RunCheckpoint, RunRecorder
from camaug.callbacks._augmentation.open_bank import open_bank
from camaug.tensorboard.log_directory import find_runs
from camaug.tensorboard.report import make_report
from tests.tensorboard.conftest import make_snapshot, write_run
from tests.tensorboard.tensorboard_process import TensorBoardProcess
from tests.toys import ToyClassifier


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """Return an address in memory. The test fails if anything is written to the current folder."""
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    yield f"memory://{tmp_path.name}"
    assert os.listdir(current) == []
    if fsspec.filesystem("memory").exists(f"/{tmp_path.name}"):
        fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


def copy_to(address: str, folder) -> None:
    fsspec.filesystem("memory").put(f"{folder}/", f"{address}/", recursive=True)


def test_runs_have_the_same_names_wherever_they_are(tmp_path, storage):
    for name in ("version_0", "version_1/deep"):
        write_run(tmp_path / "logs" / "demo" / name, [make_snapshot(0)])
    copy_to(f"{storage}/logs", tmp_path / "logs")
    for given, names in {
        "logs/demo": ["logs/demo/version_0", "logs/demo/version_1/deep"],
        "logs/demo/version_0": ["demo/version_0"],
    }.items():
        assert sorted(find_runs(str(tmp_path / given))) == names
        assert sorted(find_runs(f"{storage}/{given}")) == names
        assert sorted(find_runs(f"{storage}/{given}/")) == names


def test_an_address_without_runs_is_refused(storage, called, capsys):
    fsspec.filesystem("memory").makedirs(f"{storage}/empty")
    for address, message in {
        f"{storage}/none": "none does not exist: give a run's folder",
        "nowhere://bucket/runs": "TensorBoard cannot read nowhere://bucket/runs (ValueError: Protocol",
    }.items():
        for command in ("tensorboard", "report"):
            with pytest.raises(SystemExit):
                cli.main([command, address])
            assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["tensorboard", f"{storage}/empty"])
    assert "has event files of TensorBoard" in capsys.readouterr().err
    assert called == []


@pytest.fixture
def called(monkeypatch):
    """Return the commands that would have been run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(tensorboard_command.subprocess, "call", lambda command: commands.append(command) or 0)
    return commands


def train(logger, *callbacks) -> None:
    images = torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(TensorDataset(images, torch.arange(6) % 3), batch_size=3)
    trainer = L.Trainer(
        logger=logger,
        callbacks=list(callbacks),
        max_epochs=2,
        accelerator="cpu",
        devices=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(ToyClassifier(), loader, loader)


def test_a_run_is_logged_to_an_address_and_reported_from_there(storage, called, tmp_path):
    logger = TensorBoardLogger(storage, name="demo", version="a", default_hp_metric=False)
    cam = CamLogger("grad-cam", num_images=2, mean=(0, 0, 0), std=(1, 1, 1), fast=False)
    train(logger, cam, RunRecorder(), RunCheckpoint(save_last=True))
    run = f"{storage}/demo/a"
    files = {path.rpartition("/")[2] for path in fsspec.filesystem("memory").find(run)}
    assert {"result.json", "last.ckpt"} <= files
    assert b"camaug-data" in make_report(run)
    output = tmp_path / "report.html"
    cli.main(["report", run, "--output", str(output)])
    assert output.stat().st_size > 10_000
    cli.main(["tensorboard", f"{storage}/demo", "--port", "6007"])
    assert called[0][called[0].index("--logdir") + 1] == f"{storage}/demo"
    (events,) = (path for path in fsspec.filesystem("memory").find(run) if "tfevents" in path)
    cli.main(["tensorboard", f"memory:/{events}"])
    assert called[1][called[1].index("--logdir") + 1].endswith("/demo/a")


def test_images_of_a_csv_logger_are_written_to_an_address(storage):
    cam = CamLogger("grad-cam", num_images=2, mean=(0, 0, 0), std=(1, 1, 1), fast=False)
    train(CSVLogger(storage, name="csv", version="a"), cam)
    files = fsspec.filesystem("memory").find(f"{storage}/csv/a/cam")
    assert files
    assert all(file.endswith(".jpg") for file in files)


def test_the_tab_shows_runs_of_an_address(tmp_path):
    write_run(tmp_path / "a", [make_snapshot(0), make_snapshot(1)])
    with TensorBoardProcess(f"local://{tmp_path}") as tensorboard:
        tensorboard.wait_for_runs(lambda runs: [len(run["steps"]) for run in runs] == [2])
        assert tensorboard.fetch("original", run="a", prefix="cam", probe="0")[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "PHOTO", "--model", "resnet18", "--output", "s3://bucket/results"],
        ["explain", "PHOTO", "--checkpoint", "s3://bucket/run"],
        ["report", "RUN", "--output", "s3://bucket/camaug.html"],
        ["fit", "--data", "ShapesDataModule", "--trainer.logger.save_dir", "s3://bucket/runs", "--ckpt_path", "last"],
    ],
)
def test_what_cannot_be_in_remote_storage_is_refused_before_any_work(arguments, tmp_path, storage, capsys):
    from PIL import Image

    write_run(tmp_path / "run", [make_snapshot(0)])
    Image.new("RGB", (32, 32)).save(tmp_path / "cat.png")
    places = {"PHOTO": str(tmp_path / "cat.png"), "RUN": str(tmp_path / "run")}
    with pytest.raises((ValueError, SystemExit)) as raised:
        cli.main([places.get(argument, argument) for argument in arguments])
    message = f"{raised.value} {capsys.readouterr().err}"
    assert "cannot be in remote storage, got s3://bucket" in message


def test_the_saliency_bank_of_a_run_at_an_address_needs_a_local_folder(storage):
    strategy = types.SimpleNamespace(broadcast=lambda value: value)
    trainer = types.SimpleNamespace(log_dir=f"{storage}/run", is_global_zero=True, strategy=strategy)
    with pytest.raises(ValueError, match=rf"cannot be at {storage}/run/bank: give a local folder, bank_dir="):
        open_bank(trainer, None, None)
