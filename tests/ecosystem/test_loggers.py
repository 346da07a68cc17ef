"""Files that Weights & Biases, MLflow and Comet write offline, beside TensorBoard and tables."""

from __future__ import annotations

import csv
import json
import struct
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.loggers import CometLogger, CSVLogger, MLFlowLogger, WandbLogger
from PIL import Image

from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import EPOCHS, IMAGES, train
from tests.toys import ToyClassifier, quiet_trainer

WRITTEN = EPOCHS * (IMAGES + 1) + 1
"""Number of images: heatmaps and an overview in each epoch, and the first augmented batch."""
LAST_STEPS = [2, 5]
"""Last step of each epoch, of three steps."""
ODD_NAMES = ["naïve/left", "C# & 'x', [y]: 50%", ".."]


def fit(tmp_path: Path, logger: Any) -> None:
    train(tmp_path, ToyClassifier(), squares_loader(side=24), squares_loader(side=24), logger=logger).check()


def fit_every_step(
    tmp_path: Path, logger: Any, *callbacks: Any, module: Any = None, ckpt_path: Any = None, **settings: Any
) -> Any:
    """Train with every callback, a snapshot in each step, and odd class names, and return the Trainer."""
    callbacks += (
        CamLogger("grad-cam", num_images=3, every_n_steps=1, class_names=ODD_NAMES),
        CamEvaluator("drift", "grad-cam", num_images=3),
        GroupCamAugmentation(),
    )
    trainer = quiet_trainer(tmp_path, *callbacks, logger=logger, **settings)
    trainer.fit(module or ToyClassifier(), squares_loader(side=24), squares_loader(side=24), ckpt_path=ckpt_path)
    return trainer


def fit_often(tmp_path: Path, logger: Any) -> None:
    """Train with validation in the middle of an epoch and accumulated gradients."""
    fit_every_step(tmp_path, logger, val_check_interval=2, accumulate_grad_batches=2)


# Weights & Biases


@pytest.fixture
def wandb(monkeypatch):
    """Return the client, silent and without a network."""
    client = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    yield client
    end_run(client)


def end_run(client: Any) -> None:
    """End the run, and the process that writes its files."""
    client.finish()
    client.teardown()


def wandb_rows(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of an offline run's history: the number and the values of each."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    rows = []
    for content in wandb_records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        if record.WhichOneof("record_type") == "history":
            row: dict[str, Any] = {}
            for item in record.history.item:
                key, *nested = [item.key] if item.key else item.nested_key
                value = json.loads(item.value_json)
                row[key] = {**row.get(key, {}), nested[0]: value} if nested else value
            rows.append((record.history.step.num, row))
    return rows


def wandb_records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a log in LevelDB's format, whose blocks begin before W&B's header of seven bytes."""
    position, record = 7, b""
    while position < len(content):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        record += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def test_wandb(tmp_path, wandb):
    logger = WandbLogger(project="squares", save_dir=str(tmp_path), offline=True)
    fit(tmp_path, logger)
    summary = dict(logger.experiment.summary)
    end_run(wandb)
    media = (tmp_path / "wandb").glob("offline-run-*/files/media/images/**/*.jpg")
    assert len({path.resolve() for path in media}) == WRITTEN
    assert {"cam/confidence", "cam/overview", "augmentation/step_time_share"} <= set(summary)
    snapshots = [row for _, row in wandb_rows(tmp_path) if "cam/overview" in row]
    assert [row["trainer/global_step"] for row in snapshots] == LAST_STEPS
    for row in snapshots:  # one row has all of a snapshot, because the media panels show the number of the row
        assert len([key for key, value in row.items() if isinstance(value, dict)]) == IMAGES + 1
        assert row["cam/overview"]["captions"] == [f"step {row['trainer/global_step']}"]
        assert {"cam/confidence", "cam/drift"} <= set(row)
        (run,) = (tmp_path / "wandb").glob("offline-run-*")
        with Image.open(run / "files" / row["cam/overview"]["filenames"][0]) as image:
            assert (image.format, image.width) == ("JPEG", row["cam/overview"]["width"])


def test_no_step_of_wandb_goes_back(tmp_path, wandb):
    fit_often(tmp_path, WandbLogger(project="squares", save_dir=str(tmp_path), offline=True))
    end_run(wandb)
    numbers, rows = zip(*wandb_rows(tmp_path), strict=True)
    assert list(numbers) == list(range(len(rows)))
    steps = [row["trainer/global_step"] for row in rows]
    assert all(before <= after for before, after in pairwise(steps)), steps
    snapshots = [row for row in rows if "cam/overview" in row]
    assert [row["trainer/global_step"] for row in snapshots] == [0, 1, 2, 3]  # no snapshot is lost or written twice
    images = {key.split("/")[1] for row in snapshots for key, value in row.items() if isinstance(value, dict)}
    assert images == {"naïve_left", "C# _ _x_ _y_ 50_", "..", "overview"}


def test_a_resumed_run_of_wandb_goes_on_after_its_last_step(tmp_path, wandb):
    last_step = -1
    for number, settings in enumerate([{"max_epochs": 1}, {"ckpt_path": tmp_path / "0.ckpt", "val_check_interval": 2}]):
        folder = tmp_path / str(number)
        folder.mkdir()
        logger = WandbLogger(project="squares", save_dir=str(folder), offline=True, id="squares", resume="allow")
        trainer = fit_every_step(folder, logger, **settings)
        trainer.save_checkpoint(tmp_path / f"{number}.ckpt")
        end_run(wandb)
        steps = [row["trainer/global_step"] for _, row in wandb_rows(folder) if "trainer/global_step" in row]
        assert steps == sorted(steps)
        assert set(steps) == set(range(last_step + 1, trainer.global_step))
        last_step = steps[-1]


class Silent(ToyClassifier):
    """Classifier without values that Lightning logs, which would end the training run of a logger that fails."""

    def log(self, *args, **kwargs): ...


class EndsRun(L.Callback):
    """Callback that ends the run of W&B before the second epoch, after which its client refuses everything."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            trainer.loggers[0].experiment.finish()


def test_training_goes_on_without_wandb(tmp_path, wandb):
    table = CSVLogger(tmp_path, name="csv")
    loggers = [WandbLogger(project="squares", save_dir=str(tmp_path), offline=True), table]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = fit_every_step(tmp_path, loggers, EndsRun(), module=Silent())
    messages = [str(each.message) for each in caught if "WandbLogger" in str(each.message)]
    assert len(messages) == 1, messages
    assert "camaug could not write to WandbLogger; training goes on. UsageError: Run" in messages[0]
    assert trainer.global_step == 6
    assert max(row["trainer/global_step"] for _, row in wandb_rows(tmp_path) if "cam/overview" in row) == 2
    with Path(table.log_dir, "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows if row["cam/drift"]] == list(range(6))
    assert len(list(Path(table.log_dir, "cam/overview").glob("*.jpg"))) == 6


# MLflow


@pytest.fixture
def mlflow(tmp_path):
    """Return a client of a store in a database, and a logger that writes to it."""
    client = pytest.importorskip("mlflow")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    logger = MLFlowLogger("squares", tracking_uri=store, artifact_location=str(tmp_path / "artifacts"))
    return client.MlflowClient(tracking_uri=store), logger


def mlflow_images(folder: Path) -> Counter[tuple[str, int]]:
    """Return the keys and steps of the images in full size."""
    parts = [path.name.split("+") for path in (folder / "artifacts").rglob("*.png")]
    return Counter((key.replace("~", "/"), int(step)) for key, _, step, *_ in parts)


def test_mlflow(tmp_path, mlflow):
    client, logger = mlflow
    fit(tmp_path, logger)
    run = client.get_run(logger.run_id)
    assert {"cam/confidence", "augmentation/step_time_share"} <= set(run.data.metrics)
    assert run.data.tags["mlflow.loggedImages"] == "True"
    assert [each.step for each in client.get_metric_history(logger.run_id, "cam/confidence")] == LAST_STEPS
    images = mlflow_images(tmp_path)
    assert images.total() == WRITTEN
    assert sorted(step for key, step in images if key == "cam/overview") == LAST_STEPS


def test_mlflow_with_odd_names(tmp_path, mlflow):
    client, logger = mlflow
    fit_often(tmp_path, logger)
    images = mlflow_images(tmp_path)
    assert {key.split("/")[1] for key, _ in images} == {
        "naive_left",
        "C_ _ _x_ _y_ 50_",
        "__",
        "overview",
        "first_batch",
    }
    assert sorted(step for key, step in images if key == "cam/overview") == [0, 1, 2, 3]
    assert set(images.values()) == {1}
    for tag in ("cam/drift", "cam_eval/drift", "val/loss"):
        steps = [each.step for each in client.get_metric_history(logger.run_id, tag)]
        assert steps == sorted(steps)
    (path,) = (tmp_path / "artifacts").rglob("cam~__~*+step+3+*.png")
    files = client.download_artifacts(logger.run_id, f"images/{path.name}", str(tmp_path))
    with Image.open(files) as image:
        assert image.format == "PNG"


# Comet


def test_comet(tmp_path, monkeypatch):
    pytest.importorskip("comet_ml")
    # CometLogger(online=False) writes nothing: https://github.com/Lightning-AI/pytorch-lightning/issues/21617
    monkeypatch.setenv("COMET_START_ONLINE", "0")
    monkeypatch.setenv("COMET_LOGGING_CONSOLE", "ERROR")
    logger = CometLogger(project="squares", offline_directory=str(tmp_path), log_code=False, log_env_details=False)
    fit_often(tmp_path, logger)
    logger.experiment.end()
    (path,) = tmp_path.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        messages = [json.loads(line) for line in archive.read("messages.json").decode().splitlines()]
        uploads = [each["payload"] for each in messages if each["type"] == "file_upload"]
        images = [each for each in uploads if each["upload_type"] == "visualization"]
        names = {each["additional_params"]["figName"] for each in images}
        assert {name.split("/")[1] for name in names} >= {"naïve_left", "C# _ _x_ _y_ 50_", "..", "overview"}
        steps = [each["additional_params"]["step"] for each in images]
        assert steps == sorted(steps)
        assert set(steps) == {0, 1, 2, 3}
        with archive.open(images[-1]["file_path"]) as file, Image.open(file) as image:
            assert image.format == "JPEG"
    metrics = [each["payload"]["metric"] for each in messages if each["type"] == "metric_msg"]
    assert [each["step"] for each in metrics if each["metricName"] == "cam/confidence"] == [0, 1, 2, 3]
