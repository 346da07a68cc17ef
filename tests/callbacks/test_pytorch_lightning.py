"""Projects that import pytorch_lightning, whose classes are other ones than those of lightning."""

from __future__ import annotations

import os
import signal

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from camaug import GradCAM
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.explainers import Explainer
from tests.toys import DropoutNet


class Classifier(pl.LightningModule):
    """A classifier that records the number of its training images."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.seen: list[int] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.seen.append(len(batch[0]))
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


class Terminated(Explainer):
    """An explainer that fails because its process got a SIGTERM in the first snapshot."""

    calls = 0

    def saliency(self, evidence):
        raise NotImplementedError

    def __call__(self, model, images, targets=None, *, forward=None):
        type(self).calls += 1
        if type(self).calls > 1:
            os.kill(os.getpid(), signal.SIGTERM)
            raise RuntimeError("killed")
        return GradCAM()(model, images, targets, forward=forward)


@pytest.fixture
def trainer_of(tmp_path):
    def make(*callbacks, **settings):
        defaults = {
            "logger": TensorBoardLogger(tmp_path, "run", version="0"),
            "max_epochs": 2,
            "accelerator": "cpu",
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "log_every_n_steps": 1,
        }
        return pl.Trainer(callbacks=list(callbacks), **(defaults | settings))

    return make


def test_heatmaps_metrics_and_augmentation(loader, trainer_of, read_events):
    module = Classifier()
    logger, evaluator = CamLogger("grad-cam", num_images=3), CamEvaluator(["average_drop"], "grad-cam", num_images=3)
    trainer_of(logger, evaluator, GroupCamAugmentation("grad-cam", recipe="paired")).fit(module, loader, loader)
    events = read_events()
    assert {"cam/left/0", "cam/overview", "augmentation/first_batch"} <= set(events.Tags()["images"])
    assert len(events.Images("cam/overview")) == 2
    assert {"cam_eval/average_drop", "cam/confidence"} <= set(events.Tags()["scalars"])
    assert max(module.seen) > 8  # masked views are appended


def test_a_sigterm_in_a_snapshot_ends_the_run(loader, trainer_of):
    trainer = trainer_of(CamLogger(Terminated(), num_images=3, fast=False), max_epochs=3)
    with pytest.raises(SIGTERMException):
        trainer.fit(Classifier(), loader, loader)
    assert trainer.current_epoch == 0
