"""The step of every logged value: it never goes back, in whatever order callbacks and Lightning log."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch.loggers import Logger
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from tests.toys import Blobs, ToyClassifier, TransformedBlobs


class Steps(Logger):
    """Logger that records at which step what is logged."""

    name, version = "steps", "0"

    def __init__(self) -> None:
        self.logged: list[tuple[int | None, str]] = []

    def log_metrics(self, metrics, step=None):
        self.logged += [(step, tag) for tag in metrics]

    def log_image(self, key, images, step=None):
        self.logged.append((step, key))

    def log_hyperparams(self, params, *args, **kwargs): ...

    def check(self) -> None:
        assert all(step is not None for step, _ in self.logged)
        back = [(before, after) for before, after in pairwise(self.logged) if after[0] < before[0]]
        assert not back, f"{back[0][1]} came after {back[0][0]}"


class LoggingClassifier(ToyClassifier):
    """Classifier that logs its loss in every step and at the end of every epoch."""

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss


class TwoOptimisers(ToyClassifier):
    """Classifier whose two optimisers step in each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimiser in self.optimizers():
            loss = F.cross_entropy(self(batch[0]), batch[1])
            optimiser.zero_grad()
            self.manual_backward(loss)
            optimiser.step()
        self.log("train/loss", loss, on_step=True, on_epoch=True)

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.01) for _ in range(2)]


class EndingEarly(LoggingClassifier):
    """Classifier that ends each epoch before its last batch."""

    def on_train_batch_start(self, batch, batch_idx):
        return -1 if batch_idx == 3 else None


def fit(make_trainer, folder, module=None, cadence=None, augmentation=None, ckpt_path=None, **settings: Any) -> Any:
    logger = Steps()
    callbacks = [
        CamLogger("grad-cam", num_images=2, trust_every_n_snapshots=None, **(cadence or {})),
        CamEvaluator("average_drop", "grad-cam", num_images=2, **(cadence or {})),
        GroupCamAugmentation(**(augmentation or {})),
    ]
    trainer = make_trainer(*callbacks, logger=logger, default_root_dir=folder, **settings)
    loader = DataLoader(TransformedBlobs(), batch_size=4)
    trainer.fit(module or LoggingClassifier(), loader, DataLoader(Blobs(), batch_size=4), ckpt_path=ckpt_path)
    return trainer


@pytest.mark.parametrize(
    "settings",
    [
        {"val_check_interval": 2, "accumulate_grad_batches": 4},
        {"val_check_interval": 4, "check_val_every_n_epoch": None},
        {"limit_val_batches": 0, "num_sanity_val_steps": 2},
        {"module": TwoOptimisers, "cadence": {"every_n_steps": 3}, "val_check_interval": 2},
        {"module": EndingEarly},
        {"cadence": {"every_n_steps": 1}, "accumulate_grad_batches": 5},
        {"cadence": {"every_n_epochs": 1}, "val_check_interval": 2},
        {"cadence": {"only_last": True}, "max_steps": 8},
        {"augmentation": {"recipe": "paired", "refresh_every_n_epochs": 1}, "log_every_n_steps": 50},
    ],
    ids=str,
)
def test_no_step_goes_back(make_trainer, tmp_path, settings):
    module = settings.get("module", LoggingClassifier)()
    trainer = fit(make_trainer, tmp_path, **(settings | {"module": module}))
    trainer.logger.check()
    tags = {tag for _, tag in trainer.logger.logged}
    assert {"cam/overview", "cam/drift", "cam_eval/average_drop", "augmentation/first_batch"} <= tags


@pytest.mark.parametrize("end", [{"max_epochs": 1}, {"max_steps": 4}], ids=str)
def test_no_step_goes_back_in_a_resumed_run_or_in_validate_and_test(make_trainer, tmp_path, end):
    before = fit(make_trainer, tmp_path, **end)
    before.save_checkpoint(tmp_path / "first.ckpt")
    after = fit(make_trainer, tmp_path, ckpt_path=tmp_path / "first.ckpt", val_check_interval=2)
    loader = DataLoader(Blobs(), batch_size=4)
    after.validate(after.lightning_module, loader, verbose=False)
    after.test(after.lightning_module, loader, verbose=False)
    before.logger.check()
    after.logger.check()
    assert before.logger.logged[-1][0] < after.logger.logged[0][0]
    assert {"cam/overview", "cam_validate/overview", "cam_test/overview"} <= {tag for _, tag in after.logger.logged}
