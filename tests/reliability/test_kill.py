"""Training runs that a signal ends, and that the same command resumes with ``--ckpt_path last``."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.events import read_events
from tests.processes import ROOT, run_program

RUN = Path("runs/demo/version_0")
STEPS, EPOCHS = 4, 3
FIT = [
    "fit", "--config", str(ROOT / "configs/demo.yaml"), "--data.train_size=32", "--data.val_size=8",
    "--data.batch_size=8", "--data.image_size=32", "--data.num_workers=1", "--cam.num_images=8",
    "--cam.every_n_epochs=1",
    "--augmentation.start_epoch=0", "--augmentation.share=0.5", f"--trainer.max_epochs={EPOCHS}",
    "--trainer.log_every_n_steps=1", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false",
    "--ckpt_path=last",
]  # fmt: skip
SIGNALLED = """
import os, signal, sys
from camaug.training.image_classifier import ImageClassifier
from camaug.cli import main

step_of_signal, number = int(sys.argv.pop(1)), int(sys.argv.pop(1))
step, calls = ImageClassifier.training_step, []

def training_step(self, batch, batch_idx):
    calls.append(batch_idx)
    if len(calls) == step_of_signal:
        os.kill(os.getpid(), number)
    return step(self, batch, batch_idx)

ImageClassifier.training_step = training_step
main()
"""


def run(folder: Path, step: int = 0, number: int = signal.SIGKILL) -> subprocess.CompletedProcess[str]:
    """Train, and send the process a signal in a step. Step 0 sends none."""
    folder.mkdir(exist_ok=True)
    return run_program("-c", SIGNALLED, str(step), str(int(number)), *FIT, cwd=folder)


def read_checkpoint(run_folder: Path, name: str) -> dict[str, Any]:
    return torch.load(run_folder / f"checkpoints/{name}.ckpt", weights_only=True)


def assert_same_weights(run_folder: Path, expected: dict[str, torch.Tensor]) -> None:
    weights = read_checkpoint(run_folder, "last")["state_dict"]
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.fixture(scope="module")
def uninterrupted_weights(tmp_path_factory) -> dict[str, torch.Tensor]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = run(folder)
    assert done.returncode == 0, done.stdout[-3000:]
    return read_checkpoint(folder / RUN, "last")["state_dict"]


def test_terminated_and_resumed(uninterrupted_weights, tmp_path):
    # A cluster's scheduler ends the run in the second epoch, which the resumed run begins again.
    ended = run(tmp_path, 7, signal.SIGTERM)
    assert ended.returncode == 128 + signal.SIGTERM, ended.stdout[-3000:]
    assert "interrupted by SIGTERMException after step 7" in ended.stdout
    checkpoints = [path.stem for path in (tmp_path / RUN / "checkpoints").iterdir()]
    steps = {name: read_checkpoint(tmp_path / RUN, name)["global_step"] for name in checkpoints}
    assert (steps["last"], steps["interrupted"]) == (STEPS, 7)
    assert run(tmp_path).returncode == 0
    assert_same_weights(tmp_path / RUN, uninterrupted_weights)


def test_ctrl_c_leaves_checkpoints_and_a_complete_event_file(tmp_path):
    ended = run(tmp_path, 7, signal.SIGINT)
    assert ended.returncode == 128 + signal.SIGINT, ended.stdout[-3000:]
    assert "Detected KeyboardInterrupt" in ended.stdout
    assert "With --ckpt_path last the same command continues after the last complete epoch" in ended.stdout
    steps = {name: read_checkpoint(tmp_path / RUN, name)["global_step"] for name in ("best", "last", "interrupted")}
    assert steps == {"best": STEPS, "last": STEPS, "interrupted": 6}
    assert len(read_events(tmp_path / RUN).Images("cam/overview")) == 1


# Step 11 is in the middle of the last epoch. `make test-slow` tries every other step.
@pytest.mark.parametrize(
    "step",
    [pytest.param(step, marks=() if step == 11 else pytest.mark.slow) for step in range(1, STEPS * EPOCHS + 1)],
)
def test_killed_and_resumed(step, uninterrupted_weights, tmp_path):
    assert run(tmp_path, step).returncode == -signal.SIGKILL
    resumed = run(tmp_path)
    assert resumed.returncode == 0, resumed.stdout[-3000:]
    is_new_run = step <= STEPS  # there was no checkpoint yet
    run_folder = (tmp_path / RUN).with_name(f"version_{int(is_new_run)}")
    assert sorted(path.name for path in run_folder.parent.iterdir()) == ["version_0", "version_1"][: 1 + is_new_run]
    if not is_new_run:
        assert "resuming the run in" in resumed.stdout
    assert_same_weights(run_folder, uninterrupted_weights)
    events = read_events(run_folder)
    steps = {name: [event.step for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert steps["train/loss"] == list(range(STEPS * EPOCHS))
    ends = [STEPS * (epoch + 1) - 1 for epoch in range(EPOCHS)]
    assert steps["val/accuracy"] == steps["cam/constant_maps"] == steps["augmentation/step_time_share"] == ends
    assert steps["cam/drift"] == [event.step for event in events.Images("cam/overview")] == ends
