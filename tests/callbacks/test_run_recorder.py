from __future__ import annotations

import json

import pytest

from camaug.callbacks import RunRecorder
from tests.toys import FakeClock


def read(tmp_path):
    return json.loads((tmp_path / "here/result.json").read_text())


def test_what_is_recorded(module, loader, make_trainer, tmp_path):
    trainer = make_trainer(RunRecorder(str(tmp_path / "here")), max_epochs=3)
    trainer.fit(module, loader, loader)
    record = read(tmp_path)
    assert (record["epochs"], record["steps"]) == (3, 9)
    assert len(record["history"]["val/loss"]) == 3
    assert len(set(record["history"]["val/loss"])) == 3
    assert record["final"]["val/loss"] == record["history"]["val/loss"][-1]
    assert record["final"]["val/loss"] == pytest.approx(float(trainer.callback_metrics["val/loss"]))
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["result.json"]


def test_validation_is_not_counted_as_training(module, loader, make_trainer, tmp_path, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("camaug.callbacks.run_recorder.time", clock)
    module.on_validation_epoch_end = lambda: clock.advance(50.0)
    module.on_train_batch_end = lambda *_: clock.advance(2.0)
    make_trainer(RunRecorder(str(tmp_path / "here")), max_epochs=2, num_sanity_val_steps=1).fit(module, loader, loader)
    assert read(tmp_path)["train_seconds"] == 12  # six steps


def test_the_loggers_folder_is_the_default(module, loader, make_trainer, tmp_path):
    make_trainer(RunRecorder(), max_epochs=1).fit(module, loader)
    assert (tmp_path / "run/0/result.json").exists()


def test_a_run_that_failed_leaves_none(module, loader, make_trainer, tmp_path):
    module.on_before_zero_grad = lambda optimizer: 1 / 0
    with pytest.raises(ZeroDivisionError):
        make_trainer(RunRecorder(str(tmp_path / "here"))).fit(module, loader)
    assert not (tmp_path / "here").exists()
