"""Training runs of two processes on the CPU, joined by gloo."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamEvaluator
from camaug.callbacks._augmentation.expected_cost import ROUNDS
from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.callbacks.ddp_script import METRICS, SIZE, bank_augmentation
from tests.events import read_only_writer
from tests.processes import read_results, run_program, run_ranks
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer


def run(folder: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Run the script as two ranks, and return the result of each rank and the output."""
    folder.mkdir()
    return run_ranks("tests.callbacks.ddp_script", folder, *arguments)


def launch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as rank zero, for which Lightning starts the other rank."""
    folder.mkdir()
    return run_program("-m", "tests.callbacks.ddp_script", folder, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ddp")


def test_only_rank_zero_writes_and_the_weights_are_unchanged(folder):
    without, _ = run(folder / "without", "train", "--logger=none")
    assert launch(folder / "beside", "train").returncode == 0
    beside = read_results(folder / "beside")
    assert [result["world_size"] for result in beside] == [2, 2]
    assert {result["backend"] for result in beside} == {"gloo"}
    assert len({result["process"] for result in beside}) == 2
    assert [result["gathered"] for result in beside] == [[[0, 1], [0, 1]]] * 2  # the module's own collective
    assert [result["weights"] for result in beside] == [result["weights"] for result in without]
    events = read_only_writer(folder / "beside/run/0")
    assert beside[0]["metrics"] == beside[1]["metrics"]
    assert beside[0]["metrics"]["cam/drift"] == pytest.approx(events.Scalars("cam/drift")[-1].value)
    assert [event.step for event in events.Images("cam/overview")] == [2, 5]
    assert len([tag for tag in events.Tags()["images"] if tag.startswith("cam/")]) == 5


def test_every_rank_augments_its_own_images_and_a_failing_logger_blocks_no_rank(folder):
    results, output = run(folder / "augmented", "train", "--augment", "--logger=failing")
    assert [result["world_size"] for result in results] == [2, 2]
    assert results[0]["seen"] != results[1]["seen"]
    assert all(result["changed"] > 0.5 for result in results)
    assert [result["metrics"] for result in results] == [{}, {}]
    assert output.count("could not log heatmaps in epoch 0") == 1
    assert "no heat today" in output
    assert len(read_only_writer(folder / "augmented/run/0").Images("augmentation/first_batch")) == 1


def test_a_step_that_fails_on_one_rank_is_repeated_on_all(folder):
    results, output = run(folder / "failing", "fail")
    assert [result["sizes"][:3] for result in results] == [[8, 4, 4]] * 2
    assert all(max(result["sizes"][1:]) == 4 for result in results)
    assert results[0]["weights"] == results[1]["weights"]
    assert "masked views replace their originals from now on" in output


def test_metrics_of_two_ranks_equal_those_of_one_process(folder, tmp_path):
    results, _ = run(folder / "evaluated", "evaluate")
    L.seed_everything(0, verbose=False)
    evaluator = CamEvaluator(METRICS, GroupCAM(**SMALL_GROUP_CAM), 7)
    trainer = quiet_trainer(tmp_path, evaluator, logger=False)
    trainer.validate(ToyClassifier(), DataLoader(Blobs(SIZE), batch_size=4), verbose=False)
    metrics = {name: value for name, value in trainer.callback_metrics.items() if name.startswith("cam_eval_validate/")}
    assert len(metrics) == 17
    for result in results:
        assert result["world_size"] == 2
        for name, value in metrics.items():
            assert result[name] == pytest.approx(float(value), abs=1e-5), name


@pytest.mark.parametrize("rank", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_rank_that_cannot_evaluate_blocks_no_rank_and_is_reported(rank, folder):
    results, output = run(folder / f"half{rank}", "evaluate", f"--evaluator-fails-on={rank}")
    assert results[0]["cam_eval_validate/average_drop"] == results[1]["cam_eval_validate/average_drop"] > 0
    assert output.count(f"could not evaluate all of its images of process {rank} in epoch 0") == 1


@pytest.mark.parametrize(
    ("arguments", "rank"),
    [
        (["train", "--augment"], 1),
        pytest.param(["bank"], 0, marks=pytest.mark.slow),
        pytest.param(["train", "--augment"], 0, marks=pytest.mark.slow),
        pytest.param(["bank"], 1, marks=pytest.mark.slow),
    ],
)
def test_an_augmentation_that_fails_on_one_rank_ends_every_rank_with_its_error(arguments, rank, folder):
    work = arguments[0]
    done = launch(folder / f"{work}{rank}", *arguments, "--logger=none", f"--explainer-fails-on={rank}")
    assert done.returncode != 0
    assert "RuntimeError: no heat today" in done.stdout


def test_each_process_makes_its_half_of_the_bank(folder, tmp_path):
    results, output = run(folder / "banked", "bank")
    assert [(result["world_size"], result["backend"]) for result in results] == [(2, "gloo")] * 2
    assert results[0]["weights"] == results[1]["weights"]
    # Rank zero explains three images for the grid, its 11 of the 22, its first batch once to warm up and once a round,
    # and the batch that is measured.
    trials = [4] * (1 + ROUNDS)
    assert [result["explained"] for result in results] == [[3, 4, 4, 3, *trials, 4], [4, 4, 3, *trials]]
    assert output.count("22 maps of 12×12 (0.0 MB) made in") == 1
    bank = SaliencyBank(folder / "banked/bank")
    assert [bank.is_whole(number) for number in bank.generations()] == [True]

    L.seed_everything(0, verbose=False)
    callback = bank_augmentation(GroupCAM(**SMALL_GROUP_CAM), tmp_path)
    trainer = quiet_trainer(tmp_path, callback, max_epochs=1, limit_train_batches=1, logger=False)
    trainer.fit(ToyClassifier(), DataLoader(TransformedBlobs(SIZE), batch_size=4))
    alone = SaliencyBank(tmp_path / "bank")
    maps, expected = (each.read(1, range(SIZE)).astype(int) for each in (bank, alone))
    assert np.abs(maps - expected).max() <= 1  # the batches differ, so the sums may differ in the last bit
    assert maps.max() == 255

    # Both ranks resume from the checkpoint of rank zero, with the maps that it names.
    (folder / "first.ckpt").write_bytes((folder / "banked/first.ckpt").read_bytes())
    resumed, _ = run(folder / "resumed", "bank")
    assert [result["explained"] for result in resumed] == [[3, *trials], trials]
    assert resumed[0]["weights"] == resumed[1]["weights"]


def test_ranks_that_do_not_share_a_disk_all_stop(folder):
    done = launch(folder / "separate", "bank", "--separate-disks")
    assert done.returncode != 0
    assert "give a folder on a file system that all of them share" in done.stdout
