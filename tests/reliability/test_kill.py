"""Killed without a warning, and resumed by the same command with ``--ckpt_path last``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = Path(__file__).parents[2]
STEPS, EPOCHS = 4, 3
FIT = [
    "fit", "--config", str(ROOT / "configs/demo.yaml"), "--data.train_size=32", "--data.val_size=8",
    "--data.batch_size=8", "--data.image_size=32", "--data.num_workers=1", "--cam.images=2", "--cam.every_n_epochs=1",
    "--augmentation.start_epoch=0", "--augmentation.share=0.5", f"--trainer.max_epochs={EPOCHS}",
    "--trainer.log_every_n_steps=1", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false",
    "--ckpt_path=last",
]  # fmt: skip
KILLED = """
import os, signal, sys
from camaug.training.image_classifier import ImageClassifier
from camaug.cli import main

kill_at, number = int(sys.argv.pop(1)), int(sys.argv.pop(1))
step, calls = ImageClassifier.training_step, []

def training_step(self, batch, batch_idx):
    calls.append(batch_idx)
    if len(calls) == kill_at:
        os.kill(os.getpid(), number)
    return step(self, batch, batch_idx)

ImageClassifier.training_step = training_step
main()
"""


def run(folder: Path, kill_at: int = 0, number: int = signal.SIGKILL) -> subprocess.CompletedProcess:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-c", KILLED, str(kill_at), str(int(number)), *FIT]
    return subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "runs/demo/version_0/checkpoints/last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, torch.Tensor]:
    folder = tmp_path_factory.mktemp("whole")
    done = run(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return weights(folder)


def test_terminated_and_resumed(whole, tmp_path):
    """As by a cluster's scheduler: in the middle of the second epoch, which the resumed run begins again."""
    ended = run(tmp_path, 7, signal.SIGTERM)
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr[-3000:]
    assert "interrupted by SIGTERMException after step 7" in ended.stderr
    folder = tmp_path / "runs/demo/version_0/checkpoints"
    steps = {path.stem: torch.load(path, weights_only=True)["global_step"] for path in folder.iterdir()}
    assert (steps["last"], steps["interrupted"]) == (STEPS, 7)
    assert run(tmp_path).returncode == 0
    found = weights(tmp_path)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


# In the middle of the last epoch; and, tried by `make test-slow`, at every other step after the first checkpoint.
@pytest.mark.parametrize(
    "kill_at",
    [pytest.param(at, marks=() if at == 11 else pytest.mark.slow) for at in range(1, STEPS * EPOCHS + 1)],
)
def test_killed_and_resumed(kill_at, whole, tmp_path):
    assert run(tmp_path, kill_at).returncode == -signal.SIGKILL
    resumed = run(tmp_path)
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    begun_anew = kill_at <= STEPS
    run_folder = tmp_path / "runs/demo" / f"version_{int(begun_anew)}"
    assert sorted(path.name for path in run_folder.parent.iterdir()) == ["version_0", "version_1"][: 1 + begun_anew]
    if not begun_anew:
        assert "resuming the run in" in resumed.stdout + resumed.stderr
    found = torch.load(run_folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert found.keys() == whole.keys()
    assert all(torch.equal(found[name], whole[name]) for name in whole)
    events = EventAccumulator(str(run_folder), size_guidance={"images": 0, "scalars": 0}).Reload()
    steps = {name: [event.step for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert steps["train/loss"] == list(range(STEPS * EPOCHS))
    ends = [STEPS * (epoch + 1) - 1 for epoch in range(EPOCHS)]
    assert steps["val/accuracy"] == steps["cam/constant_maps"] == steps["augmentation/step_time_share"] == ends
    assert steps["cam/drift"] == ends[1:]
    assert [event.step for event in events.Images("cam/overview")] == list(range(EPOCHS))
