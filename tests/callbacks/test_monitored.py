"""Metrics of CamLogger and CamEvaluator for callbacks that monitor one, and the steps at which all loggers get them."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger

from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from tests.toys import ToyClassifier


class Recorder(Logger):
    """A logger that keeps the steps of metrics and images, and refuses a step before the last one."""

    name, version = "recorder", 0

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[str, list[int]] = {}
        self.last = 0

    def log_hyperparams(self, params: Namespace, *args, **kwargs) -> None: ...

    def log_metrics(self, metrics, step=None) -> None:
        for name in metrics:
            self._add(name, step)

    def log_image(self, key, images, step=None) -> None:
        self._add(f"image {key}", step)

    def _add(self, name: str, step: int) -> None:
        assert step >= self.last, name
        self.last = step
        self.steps.setdefault(name, []).append(step)


class ManualClassifier(ToyClassifier):
    """A classifier with two optimisers that both step in each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            loss = super().training_step(batch, batch_idx)
            self.manual_backward(loss)
            optimizer.step()
        self.log("train/loss", loss)

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.01) for _ in range(2)]


def callbacks(**settings):
    augmentation = GroupCamAugmentation(
        "grad-cam", recipe="keep-salient", share=0.5, blur_kernel_size=5, blur_sigma=5.0
    )
    evaluator = CamEvaluator(["drift"], "grad-cam", num_images=3, **settings)
    return CamLogger("grad-cam", num_images=3, **settings), evaluator, augmentation


@pytest.mark.parametrize(
    ("module", "settings", "intervals", "expected", "validated"),
    [
        (ToyClassifier, {"val_check_interval": 2, "accumulate_grad_batches": 2}, {}, [0, 2, 4, 5], [0, 2, 4]),
        (ToyClassifier, {"val_check_interval": 1}, {"every_n_validations": 2}, [1, 3, 5, 7, 8], list(range(9))),
        (ManualClassifier, {"val_check_interval": 2}, {"every_n_steps": 6}, [2, 5, 8], [1, 4, 7]),
        (ManualClassifier, {}, {}, [2, 5, 8], [2, 5, 8]),
    ],
)
def test_everything_is_logged_at_lightnings_own_step(
    module, settings, intervals, expected, validated, loader, make_trainer
):
    recorder = Recorder()
    trainer = make_trainer(*callbacks(**intervals), logger=recorder, max_epochs=3, **settings)
    trainer.fit(module(), loader, loader)
    for name in ("cam/drift", "cam/confidence", "cam_eval/drift", "image cam/overview"):
        assert recorder.steps[name] == expected, name
    assert recorder.steps["val/loss"] == validated


@pytest.mark.parametrize("is_logger_first", [True, False])
@pytest.mark.parametrize("settings", [{}, {"val_check_interval": 2}, {"limit_val_batches": 0}])
def test_callbacks_in_any_order_monitor_the_first_snapshot(
    is_logger_first, settings, module, loader, make_trainer, read_events, tmp_path
):
    stop = EarlyStopping(monitor="cam/drift", mode="min", patience=1, min_delta=10)
    keep = ModelCheckpoint(tmp_path / "kept", monitor="cam/confidence", mode="max")
    logger = CamLogger("grad-cam", num_images=3)
    order = [logger, stop, keep] if is_logger_first else [keep, stop, logger]
    trainer = make_trainer(*order, max_epochs=9, enable_checkpointing=True, **settings)
    trainer.fit(module, loader, loader)
    events = read_events()
    assert len(events.Scalars("cam/drift")) == 2 == stop.wait_count + 1
    assert float(stop.best_score) == pytest.approx(events.Scalars("cam/drift")[0].value)
    assert float(keep.best_model_score) == pytest.approx(max(e.value for e in events.Scalars("cam/confidence")))
    assert float(trainer.callback_metrics["cam/drift"]) == pytest.approx(events.Scalars("cam/drift")[1].value)


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_resumed_run_can_be_monitored_before_its_first_snapshot(module, loader, make_trainer, tmp_path):
    stop = EarlyStopping(monitor="cam/class_similarity", mode="min", patience=9)
    keep = ModelCheckpoint(tmp_path, filename="kept", save_top_k=-1)
    callbacks = CamLogger("grad-cam", num_images=3, every_n_epochs=2), stop, keep
    settings = {"enable_checkpointing": True, "limit_train_batches": 1}
    first = make_trainer(*callbacks[::2], max_epochs=2, **settings)
    first.fit(module, loader, loader)
    second = make_trainer(*callbacks, max_epochs=3, version="1", **settings)
    second.fit(module, loader, loader, ckpt_path=tmp_path / "kept.ckpt", weights_only=True)
    assert stop.best_score == pytest.approx(float(first.callback_metrics["cam/class_similarity"]))


def test_values_that_are_not_finite_are_logged_but_do_not_stop_a_run(module, loader, make_trainer, read_events):
    module.on_train_batch_start = lambda *_: [parameter.data.fill_(float("nan")) for parameter in module.parameters()]
    stop = EarlyStopping(monitor="cam/confidence", mode="max", strict=False)
    trainer = make_trainer(CamLogger("grad-cam", num_images=3), stop)
    with pytest.warns(UserWarning, match="not to be trusted"):
        trainer.fit(module, loader, loader)
    assert trainer.current_epoch == 2
    assert "cam/confidence" not in trainer.callback_metrics
    assert len(read_events().Scalars("cam/confidence")) == 2
    assert {"cam/constant_maps", "cam/centre_bias"} <= trainer.callback_metrics.keys()


@pytest.mark.parametrize("other", [CamLogger("eigen-cam", tag="cam_eval"), CamEvaluator("drift")])
def test_two_callbacks_under_one_tag_are_refused(other, module, loader, make_trainer):
    trainer = make_trainer(CamEvaluator(["drift"], "grad-cam"), other)
    with pytest.raises(ValueError, match=r"\(tag='cam_eval'\) would log under 'cam_eval', each over"):
        trainer.fit(module, loader, loader)
