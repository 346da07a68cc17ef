"""Images for loggers of any kind."""

from __future__ import annotations

import inspect

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger
from PIL import Image

from camaug.callbacks import CamLogger
from camaug.callbacks._logging.write_image import write_image


class FakeLogger(Logger):
    name, version = "fake", "0"

    def log_metrics(self, metrics, step=None): ...

    def log_hyperparams(self, params, *args, **kwargs): ...


class FakeWandb(FakeLogger):
    """Logger with the ``log_image`` signature of Lightning's WandbLogger."""

    def __init__(self) -> None:
        self.logged: list = []

    def log_image(self, key: str, images: list, step: int | None = None, **kwargs) -> None:
        self.logged.append((key, images, step))


class FakeClient:
    """Client with the ``log_image`` signature of MLflow's client."""

    def __init__(self) -> None:
        self.logged: list = []

    def log_image(self, run_id, image, artifact_file=None, *, key=None, step=None, timestamp=None, synchronous=None):
        self.logged.append((run_id, image, artifact_file))


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
    make_trainer(CamLogger("grad-cam", num_images=3), logger=logger, **settings).fit(module, loader, loader)


EXPECTED = ["cam/left/0", "cam/middle/1", "cam/right/2", "cam/overview"]


def test_weights_and_biases_gets_images(module, loader, make_trainer):
    logger = FakeWandb()
    fit(module, loader, make_trainer, logger)
    assert [(key, step) for key, _, step in logger.logged] == [(key, step) for step in (2, 5) for key in EXPECTED]
    assert all(len(images) == 1 and isinstance(images[0], Image.Image) for _, images, _ in logger.logged)
    assert logger.logged[0][1][0].size[0] == 3 * 192 + 2 * 4


def test_mlflow_gets_artifacts(module, loader, make_trainer):
    logger = FakeMLFlow()
    fit(module, loader, make_trainer, logger, max_epochs=1)
    logged = logger.experiment.logged
    assert [(run, file) for run, _, file in logged] == [("run-7", f"{key}/step_0002.jpg") for key in EXPECTED]
    assert all(isinstance(image, Image.Image) for _, image, _ in logged)


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
    assert list(wandb) == list(inspect.signature(FakeWandb.log_image).parameters)
    assert hasattr(MLFlowLogger, "run_id")
    assert hasattr(MLFlowLogger, "experiment")


def test_a_class_whose_name_no_folder_can_have(tmp_path):
    logger = CSVLogger(tmp_path)
    write_image([logger], "cam/con/3", torch.rand(3, 4, 4), 7)
    write_image([logger], "cam/end./3", torch.rand(3, 4, 4), 7)
    written = {path.relative_to(logger.log_dir).as_posix() for path in tmp_path.rglob("*.jpg")}
    assert written == {"cam/con_/3/step_0007.jpg", "cam/end_/3/step_0007.jpg"}
