from __future__ import annotations

from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, SingleDeviceStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from camaug.callbacks import run_checkpoint
from camaug.callbacks._trainer.strategies import saves_together
from camaug.callbacks.run_checkpoint import RunCheckpoint
from tests.toys import Blobs


@pytest.mark.parametrize(
    ("together", "exception", "is_saved"),
    [
        (False, RuntimeError("no heat today"), True),
        (True, RuntimeError("no heat today"), False),
        (True, KeyboardInterrupt(), False),
        (True, SIGTERMException(), True),
    ],
)
def test_an_error_saves_no_checkpoint_for_which_all_processes_are_needed(
    together, exception, is_saved, module, make_trainer, tmp_path, monkeypatch, recwarn
):
    trainer = make_trainer(logger=False, max_epochs=1)
    trainer.fit(module, DataLoader(Blobs(8), batch_size=8))
    monkeypatch.setattr(run_checkpoint, "saves_together", lambda trainer: together)
    RunCheckpoint(dirpath=tmp_path, save_on_exception=True).on_exception(trainer, module, exception)
    assert (tmp_path / "interrupted.ckpt").exists() is is_saved
    assert any("no checkpoint of this step is saved" in str(each.message) for each in recwarn) is not is_saved


class Sharded:
    def consolidate_state_dict(self):
        pass


@pytest.mark.parametrize(
    ("strategy", "processes", "optimisers", "expected"),
    [
        (SingleDeviceStrategy, 1, [Sharded()], False),
        (DDPStrategy, 2, [object()], False),
        (DDPStrategy, 2, [Sharded()], True),  # as PyTorch's ZeroRedundancyOptimizer
        (ModelParallelStrategy, 2, [], True),
    ],
)
def test_states_that_are_spread_over_processes_are_saved_together(strategy, processes, optimisers, expected):
    trainer = SimpleNamespace(strategy=strategy.__new__(strategy), world_size=processes, optimizers=optimisers)
    assert saves_together(trainer) is expected
