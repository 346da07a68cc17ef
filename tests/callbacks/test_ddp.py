"""Two processes on the CPU with gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> tuple[list[dict], str]:
    code, output = launch(folder, *arguments)
    assert code == 0, output[-4000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)], output


def launch(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the script, whose second process Lightning starts; what hangs is a ``subprocess.TimeoutExpired``."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for name in ("MASTER_PORT", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK"):
        environment.pop(name, None)
    program = [sys.executable, "-m", "tests.callbacks.ddp_script", str(folder), *arguments]
    done = subprocess.run(
        program, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ddp")


def events(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = (folder / "run" / "0").glob("events*")  # one writer
    return EventAccumulator(str(file), size_guidance={"images": 0}).Reload()


def test_rank_zero_alone_writes_and_the_training_is_unchanged(folder):
    plain, _ = run(folder / "plain", "--logger", "none")
    watched, _ = run(folder / "watched")
    assert [rank["world_size"] for rank in watched] == [2, 2]
    assert {rank["backend"] for rank in watched} == {"gloo"}
    assert len({rank["process"] for rank in watched}) == 2
    assert {rank["weights"] for rank in watched} != set()
    assert [rank["gathered"] for rank in watched] == [[[0, 1], [0, 1]]] * 2  # by the module, beside the logger
    assert [rank["weights"] for rank in watched] == [rank["weights"] for rank in plain]
    written = events(folder / "watched")
    assert [event.step for event in written.Images("cam/overview")] == [0, 1]
    assert len([tag for tag in written.Tags()["images"] if tag.startswith("cam/")]) == 4


def test_every_rank_augments_its_own_images_and_a_failing_rank_hangs_none(folder):
    ranks, output = run(folder / "augmented", "--augment", "--logger", "failing")
    assert [rank["world_size"] for rank in ranks] == [2, 2]
    assert ranks[0]["seen"] != ranks[1]["seen"]
    assert all(rank["changed"] > 0.5 for rank in ranks)
    assert output.count("could not log heatmaps in epoch 0") == 1
    assert "no heat today" in output
    written = events(folder / "augmented")
    assert len(written.Images("augmentation/first_batch")) == 1


def test_evaluated_in_shares_the_figures_are_those_of_one_process(folder):
    from lightning import Trainer, seed_everything
    from torch.utils.data import DataLoader

    from camaug import GroupCAM
    from camaug.callbacks import CamEvaluator
    from tests.callbacks.ddp_script import METRICS
    from tests.toys import Blobs, ToyClassifier

    ranks, _ = run(folder / "evaluated", "--evaluate", "all")
    seed_everything(0, verbose=False)
    explainer = GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    evaluator = CamEvaluator(METRICS, explainer, 7)
    alone = Trainer(accelerator="cpu", logger=False, callbacks=[evaluator], enable_progress_bar=False, barebones=False)
    alone.validate(ToyClassifier(), DataLoader(Blobs(22), batch_size=4), verbose=False)
    figures = {name: value for name, value in alone.callback_metrics.items() if name.startswith("cam_validate/")}
    assert len(figures) == 17
    for rank in ranks:
        assert rank["world_size"] == 2
        for name, value in figures.items():
            assert rank[name] == pytest.approx(float(value), abs=1e-5), name


@pytest.mark.parametrize(
    ("which", "rank"), [("failing", 1), pytest.param("failing on rank zero", 0, marks=pytest.mark.slow)]
)
def test_a_rank_that_cannot_evaluate_hangs_none_and_says_so(which, rank, folder):
    ranks, output = run(folder / f"half{rank}", "--evaluate", which)
    assert ranks[0]["cam_validate/average_drop"] == ranks[1]["cam_validate/average_drop"] > 0
    assert output.count(f"could not evaluate all of its images of process {rank} in epoch 0") == 1


@pytest.mark.parametrize(
    ("what", "rank"),
    [
        (["--augment"], 1),
        pytest.param(["--bank", "shared"], 0, marks=pytest.mark.slow),
        pytest.param(["--augment"], 0, marks=pytest.mark.slow),
        pytest.param(["--bank", "shared"], 1, marks=pytest.mark.slow),
    ],
)
def test_where_augmentation_fails_on_one_rank_all_end_with_its_error(what, rank, folder):
    code, output = launch(folder / f"ends{what[0]}{rank}", *what, "--logger", "none", "--fails-on", str(rank))
    assert code != 0
    assert "RuntimeError: no heat today" in output


def test_each_process_makes_its_half_of_the_bank(folder, tmp_path):
    import lightning as L
    import numpy as np

    from camaug import GroupCAM
    from camaug.callbacks._augmentation.expected_cost import ROUNDS
    from camaug.saliency_bank.saliency_bank import SaliencyBank
    from tests.callbacks.ddp_script import bank_augmentation
    from tests.toys import ToyClassifier, TransformedBlobs

    ranks, output = run(folder / "banked", "--bank", "shared", "--logger", "none")
    assert [(rank["world_size"], rank["backend"]) for rank in ranks] == [(2, "gloo")] * 2
    assert ranks[0]["weights"] == ranks[1]["weights"]
    # Rank zero: three images for the grid; its 11 of the 22; the first batch, tried to warm up and in each round; the
    # one that is measured.
    tried = [4] * (1 + ROUNDS)
    assert [rank["explained"] for rank in ranks] == [[3, 4, 4, 3, *tried, 4], [4, 4, 3, *tried]]
    assert output.count("22 maps of 12×12 (0.0 MB) made in") == 1
    bank = SaliencyBank(folder / "banked" / "bank")
    assert [bank.is_whole(number) for number in bank.generations()] == [True]

    L.seed_everything(0, verbose=False)
    explainer = GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    callback = bank_augmentation(explainer, tmp_path)
    alone = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=1,
        logger=False,
        callbacks=[callback],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    alone.fit(ToyClassifier(), torch.utils.data.DataLoader(TransformedBlobs(22), batch_size=4))
    maps, others = (each.read(1, range(22)).astype(int) for each in (bank, SaliencyBank(tmp_path / "bank")))
    assert np.abs(maps - others).max() <= 1  # batches are not the same, so sums may differ in the last bit
    assert maps.max() == 255

    # Resumed with the maps that both had, by the checkpoint of rank zero.
    (folder / "first.ckpt").write_bytes((folder / "banked" / "first.ckpt").read_bytes())
    resumed, _ = run(folder / "resumed", "--bank", "shared", "--logger", "none")
    assert [rank["explained"] for rank in resumed] == [[3, *tried], tried]
    assert resumed[0]["weights"] == resumed[1]["weights"]


def test_processes_that_do_not_see_each_others_maps_all_stop(folder):
    with pytest.raises(AssertionError, match="give a folder on a file system that all of them share"):
        run(folder / "apart", "--bank", "apart", "--logger", "none")
