"""Images and scalars for loggers of any kind."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace

import fsspec
import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger
from PIL import Image

from camaug.callbacks import CamLogger
from camaug.callbacks._logging.write_to_logger import _mlflow_key, write_to_logger


class FakeLogger(Logger):
    name, version = "fake", "0"

    def log_metrics(self, metrics, step=None): ...

    def log_hyperparams(self, params, *args, **kwargs): ...


class FakeImageLogger(FakeLogger):
    """Logger with the ``log_image`` signature of Lightning's WandbLogger."""

    def __init__(self) -> None:
        self.logged: list = []

    def log_image(self, key: str, images: list, step: int | None = None, **kwargs) -> None:
        self.logged.append((key, images, step))


class WandbLogger(FakeLogger):
    """Logger that is recognised by its name, and records what it logs."""

    def __init__(self) -> None:
        self.rows: list = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, metrics))


class CometLogger(FakeLogger):
    """Logger that is recognised by its name, around an experiment with Comet's ``log_image``."""

    def __init__(self) -> None:
        self.logged: list = []
        self.experiment = SimpleNamespace(log_image=self.record)

    def record(self, image_data, name=None, *, step=None):
        self.logged.append((name, Image.open(image_data).format, step))


class FakeClient:
    """Client with the ``log_image`` signature of MLflow's client."""

    def __init__(self) -> None:
        self.logged: list = []

    def log_image(self, run_id, image, artifact_file=None, *, key=None, step=None, timestamp=None, synchronous=None):
        self.logged.append((run_id, image, key, step))


class FakeMLFlow(MLFlowLogger):
    """MLFlowLogger without a server."""

    run_id, name, experiment_id = "run-7", "fake", "0"
    experiment = save_dir = None

    def __init__(self) -> None:
        self.experiment = FakeClient()

    def log_metrics(self, metrics, step=None): ...

    def log_hyperparams(self, params): ...

    def finalize(self, status="success"): ...


def fit(module, loader, make_trainer, logger: Logger, **settings) -> None:
    make_trainer(CamLogger("grad-cam", num_images=3, mistakes=None), logger=logger, **settings).fit(
        module, loader, loader
    )


EXPECTED = ["cam/left/0", "cam/middle/1", "cam/right/2", "cam/overview"]


def test_a_logger_of_images_gets_them(module, loader, make_trainer):
    logger = FakeImageLogger()
    fit(module, loader, make_trainer, logger)
    assert [(key, step) for key, _, step in logger.logged] == [(key, step) for step in (2, 5) for key in EXPECTED]
    assert all(len(images) == 1 and isinstance(images[0], Image.Image) for _, images, _ in logger.logged)
    assert logger.logged[0][1][0].size[0] == 3 * 192 + 2 * 4


def test_weights_and_biases_gets_a_snapshot_in_one_row(module, loader, make_trainer, monkeypatch):
    fake = SimpleNamespace(Image=lambda image, caption, file_type: (type(image), caption, file_type))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    logger = WandbLogger()
    fit(module, loader, make_trainer, logger)
    snapshots = [(step, row) for step, row in logger.rows if any(key.startswith("cam/") for key in row)]
    assert [step for step, _ in snapshots] == [2, 5]
    for step, row in snapshots:
        images = {key: value for key, value in row.items() if isinstance(value, list)}
        assert list(images) == EXPECTED
        assert images["cam/overview"] == [(Image.Image, f"step {step}", "jpg")]
        assert {"cam/confidence", "cam/drift"} <= set(row)


def test_comet_gets_images_with_their_step(module, loader, make_trainer):
    logger = CometLogger()
    fit(module, loader, make_trainer, logger)
    assert logger.logged == [(key, "JPEG", step) for step in (2, 5) for key in EXPECTED]


def test_mlflow_gets_images_with_their_step(module, loader, make_trainer):
    logger = FakeMLFlow()
    fit(module, loader, make_trainer, logger, max_epochs=1)
    logged = logger.experiment.logged
    assert [(run, key, step) for run, _, key, step in logged] == [("run-7", key, 2) for key in EXPECTED]
    assert all(isinstance(image, Image.Image) for _, image, _, _ in logged)


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("cam/left/0", "cam/left/0"),
        ("cam/naïve C#/3", "cam/naive C_/3"),
        ("cam/猫/3", "cam/_/3"),
        ("cam/../3", "cam/__/3"),
        ("cam/" + "long" * 20 + "/3", "cam/" + ("long" * 20)[:31] + "-47ff25a8/3"),
    ],
)
def test_mlflow_keys_have_the_characters_that_it_takes(tag, key):
    assert _mlflow_key(tag) == key


def test_a_logger_with_a_folder_gets_image_files(module, loader, make_trainer, tmp_path):
    logger = CSVLogger(tmp_path, name="csv")
    fit(module, loader, make_trainer, logger)
    folder = tmp_path / "csv" / "version_0"
    files = sorted(path.relative_to(folder).as_posix() for path in (folder / "cam").rglob("*.*"))
    assert files == sorted(f"{key}/step_{step:04d}.jpg" for key in EXPECTED for step in (2, 5))
    with Image.open(folder / "cam/left/0/step_0005.jpg") as image:
        assert image.format == "JPEG"


def test_no_logger_for_images_is_a_warning(module, loader, make_trainer):
    with pytest.warns(UserWarning, match="CamLogger found no logger that takes images"):
        fit(module, loader, make_trainer, FakeLogger(), max_epochs=1)


def test_the_fake_loggers_have_lightnings_signatures():
    wandb = inspect.signature(L.pytorch.loggers.WandbLogger.log_image).parameters
    assert list(wandb) == list(inspect.signature(FakeImageLogger.log_image).parameters)
    assert hasattr(MLFlowLogger, "run_id")
    assert hasattr(MLFlowLogger, "experiment")


def test_a_class_whose_name_no_folder_can_have(tmp_path):
    logger = CSVLogger(tmp_path)
    write_to_logger(logger, {"cam/con/3": torch.rand(3, 4, 4), "cam/end./3": torch.rand(3, 4, 4)}, {}, 7)
    written = {path.relative_to(logger.log_dir).as_posix() for path in tmp_path.rglob("*.jpg")}
    assert written == {"cam/con_/3/step_0007.jpg", "cam/end_/3/step_0007.jpg"}


def test_a_folder_may_be_a_url():
    logger = CSVLogger("memory://bucket", name="run")
    write_to_logger(logger, {"cam/left/3": torch.rand(3, 4, 4)}, {"cam/drift": 0.5}, 7)
    files = fsspec.filesystem("memory")
    with files.open("/bucket/run/version_0/cam/left/3/step_0007.jpg") as file:
        assert Image.open(file).size == (4, 4)


def test_every_logger_of_a_trainer_gets_a_snapshot(module, loader, make_trainer, tmp_path):
    mlflow, comet, other, table = FakeMLFlow(), CometLogger(), FakeImageLogger(), CSVLogger(tmp_path, name="csv")
    fit(module, loader, make_trainer, [mlflow, comet, other, table], max_epochs=1)
    assert [key for _, _, key, _ in mlflow.experiment.logged] == EXPECTED
    assert [name for name, _, _ in comet.logged] == EXPECTED
    assert [key for key, _, _ in other.logged] == EXPECTED
    assert len(list((tmp_path / "csv/version_0/cam").rglob("*.jpg"))) == len(EXPECTED)
    assert "cam/confidence" in (tmp_path / "csv/version_0/metrics.csv").read_text().splitlines()[0].split(",")
