"""Explanation and augmentation with a model that FSDP2 shards, and refusals of other ways of sharding."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

from camaug.callbacks import CamEvaluator, CamLogger, CamWriter, GroupCamAugmentation
from camaug.inspection.sharded_weights import _device_of_group
from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.events import read_only_writer
from tests.processes import read_results, run_ranks


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    run_ranks("tests.callbacks.sharded_script", folder)
    return folder


@pytest.fixture
def results(folder):
    return read_results(folder)


@pytest.mark.parametrize("name", ["group-cam", "grad-cam", "full-grad", "gradient"])
def test_explaining_changes_nothing_bit_for_bit(results, name):
    for result in results:
        state, warned = result["explained"][name]
        assert warned == 0
        assert state == result["plain"]
    assert results[0]["plain"] != results[1]["plain"]  # each rank has its own losses and batch-norm statistics


def test_only_rank_zero_writes(folder):
    events = read_only_writer(folder / "group-cam/0")
    assert [event.step for event in events.Images("cam/overview")] == [2, 5]
    assert len([tag for tag in events.Tags()["images"] if tag.startswith("cam/")]) == 5


def test_metrics_are_the_same_on_every_rank(results):
    assert results[0]["metrics"] == results[1]["metrics"]
    assert set(results[0]["metrics"]) >= {
        "cam_eval/average_drop",
        "cam_eval/class_similarity",
        "cam_eval/head_similarity",
        "cam_eval/drift",
        "cam/class_similarity",
        "cam/drift",
    }


def test_images_are_augmented_as_by_an_unsharded_model(results, folder):
    for result in results:
        assert result["augmented as unsharded"]
        assert result["changed"] > 0
    assert results[0]["first batch"] != results[1]["first batch"]
    assert len(read_only_writer(folder / "augmented/0").Images("augmentation/first_batch")) == 1


def test_each_process_makes_its_share_of_the_bank(folder):
    bank = SaliencyBank(folder / "maps")
    assert all(bank.is_whole(number) and bank.record(number).world_size == 2 for number in bank.generations())
    assert len(read_only_writer(folder / "banked/0").Scalars("augmentation/bank_iou")) == 2


def test_a_failure_on_one_rank_blocks_no_rank_and_changes_nothing(results):
    for result in results:
        assert result["failing"] == result["plain"]
    assert [result["warnings of failures"] for result in results] == [1, 1]  # rank zero: the logger; one: the evaluator


def test_no_rank_explains_if_one_has_no_memory_for_the_whole_model(results):
    for result in results:
        assert result["no memory"] == result["plain"]
        assert result["warnings of no memory"] > 0


def test_shards_that_the_cpu_keeps_are_gathered_on_the_device_of_the_process_group():
    mesh = SimpleNamespace(device_type="meta")
    kept = SimpleNamespace(device=torch.device("cpu"), device_mesh=mesh)
    there = SimpleNamespace(device=torch.device("meta", 3), device_mesh=mesh)
    assert [_device_of_group(shard) for shard in (kept, there)] == [torch.device("meta"), torch.device("meta", 3)]


@pytest.mark.parametrize("callback", [CamLogger(), CamEvaluator(), GroupCamAugmentation()])
@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (FSDPStrategy, "flattens the weights of many layers into one tensor"),
        (DeepSpeedStrategy, "keeps the weights in an engine of its own"),
    ],
)
def test_other_strategies_are_refused(callback, strategy, reason, module, make_trainer):
    trainer = make_trainer(callback)
    trainer._accelerator_connector.strategy = strategy.__new__(strategy)
    name = type(callback).__name__
    message = f"{name} needs the whole model to explain images, and {strategy.__name__} {reason}.*use strategy"
    if isinstance(callback, GroupCamAugmentation):
        with pytest.raises(ValueError, match=message):
            callback.setup(trainer, module, "fit")
    else:  # which never end a training run
        with pytest.warns(UserWarning, match=message):
            callback.setup(trainer, module, "fit")


def trainer_with_tensor_parallel_size(make_trainer, size: int) -> L.Trainer:
    trainer = make_trainer()
    strategy = ModelParallelStrategy.__new__(ModelParallelStrategy)
    strategy._device_mesh = {"tensor_parallel": type("Mesh", (), {"size": lambda self: size})()}
    trainer._accelerator_connector.strategy = strategy
    return trainer


def test_tensor_parallel_layers_are_refused(module, make_trainer):
    with pytest.warns(UserWarning, match=r"\(tensor_parallel_size=2\) splits them: give tensor_parallel_size=1"):
        CamLogger().setup(trainer_with_tensor_parallel_size(make_trainer, 2), module, "fit")
    CamEvaluator().setup(trainer_with_tensor_parallel_size(make_trainer, 1), module, "fit")


def test_cam_writer_refuses_a_sharded_model(module, make_trainer, tmp_path):
    with pytest.raises(ValueError, match="CamWriter explains the batches of each process, whose numbers may differ"):
        CamWriter(directory=tmp_path).setup(trainer_with_tensor_parallel_size(make_trainer, 1), module, "predict")
