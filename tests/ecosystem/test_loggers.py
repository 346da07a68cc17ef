"""Weights & Biases and MLflow beside TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import EPOCHS, IMAGES, train
from tests.toys import ToyClassifier

WRITTEN = EPOCHS * (IMAGES + 1) + 1
"""Number of images: heatmaps and an overview in each epoch, and the first augmented batch."""


def fit(tmp_path: Path, logger: Any) -> None:
    train(tmp_path, ToyClassifier(), squares_loader(side=24), squares_loader(side=24), logger=logger).check()


def test_wandb(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="squares", save_dir=str(tmp_path), offline=True)
    try:
        fit(tmp_path, logger)
        summary = dict(logger.experiment.summary)
    finally:
        wandb.finish()
    written = {path.resolve() for path in (tmp_path / "wandb").glob("offline-run-*/files/media/images/**/*.png")}
    assert len(written) == WRITTEN
    assert {"cam/confidence", "cam/overview", "augmentation/step_time_share"} <= set(summary)


def test_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    logger = MLFlowLogger("squares", tracking_uri=store, artifact_location=str(tmp_path / "artifacts"))
    fit(tmp_path, logger)
    client = mlflow.MlflowClient(tracking_uri=store)
    assert len(list((tmp_path / "artifacts").rglob("*.jpg"))) == WRITTEN
    metrics = client.get_run(logger.run_id).data.metrics
    assert {"cam/confidence", "augmentation/step_time_share"} <= set(metrics)
    assert len(client.get_metric_history(logger.run_id, "cam/confidence")) == EPOCHS
