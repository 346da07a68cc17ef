from __future__ import annotations

import errno
import tempfile

import lightning as L
import pytest
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.plugins.io import AsyncCheckpointIO

from camaug.callbacks import RunCheckpoint
from camaug.training import whole_checkpoint_io
from camaug.training.whole_checkpoint_io import WholeCheckpointIO
from tests.toys import ToyClassifier


def test_a_checkpoint_is_loaded_as_it_was(tmp_path):
    checkpoint = {"state_dict": {"weight": torch.rand(3)}, "epoch": 2}
    WholeCheckpointIO().save_checkpoint(checkpoint, tmp_path / "new" / "last.ckpt")
    loaded = TorchCheckpointIO().load_checkpoint(tmp_path / "new" / "last.ckpt")
    assert torch.equal(loaded["state_dict"]["weight"], checkpoint["state_dict"]["weight"])
    assert loaded["epoch"] == 2


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_half_way_leaves_the_older_file_and_nothing_else(failure, tmp_path, monkeypatch):
    def save(content, file):
        file.write(b"half")
        raise failure

    WholeCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")
    monkeypatch.setattr(whole_checkpoint_io.torch, "save", save)
    with pytest.raises(type(failure)):
        WholeCheckpointIO().save_checkpoint({"epoch": 2}, tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert TorchCheckpointIO().load_checkpoint(tmp_path / "last.ckpt") == {"epoch": 1}


def test_the_systems_temporary_folder_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another disk, which is full"))
    WholeCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")
    assert (tmp_path / "last.ckpt").exists()


def test_options_of_remote_storage_are_refused_as_lightning_does(tmp_path):
    with pytest.raises(TypeError, match="storage_options"):
        WholeCheckpointIO().save_checkpoint({}, tmp_path / "last.ckpt", storage_options={})


def fit(tmp_path, loader, **settings) -> L.Trainer:
    trainer = L.Trainer(
        max_epochs=1,
        callbacks=[RunCheckpoint(dirpath=tmp_path / "run", save_last=True)],
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(ToyClassifier(), loader)
    return trainer


@pytest.fixture
def loader():
    return torch.utils.data.DataLoader([(torch.rand(3, 24, 24), 1) for _ in range(4)], batch_size=2)


def test_a_run_writes_whole_checkpoints(tmp_path, loader, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another disk, which is full"))
    assert type(fit(tmp_path, loader).strategy.checkpoint_io) is WholeCheckpointIO
    assert "state_dict" in torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)


def test_a_checkpoint_plugin_of_the_users_stays(tmp_path, loader):
    own = AsyncCheckpointIO()
    assert fit(tmp_path, loader, plugins=[own]).strategy.checkpoint_io is own
