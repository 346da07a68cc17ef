"""A model that FSDP2 shards over two processes, watched and augmented; other ways of sharding, refused."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import pytest
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

from camaug.callbacks import CamEvaluator, CamLogger, CamWriter, GroupCamAugmentation
from tests.processes import results, together


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    code, output = together("tests.callbacks.sharded_script", folder)
    assert code == 0, output[-4000:]
    return folder


@pytest.fixture
def ranks(folder):
    return results(folder)


def events(folder: Path, name: str):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = (folder / name / "0").glob("events*")  # one writer
    return EventAccumulator(str(file), size_guidance={"images": 0}).Reload()


@pytest.mark.parametrize("name", ["group-cam", "grad-cam", "full-grad", "gradient"])
def test_looking_changes_nothing_bit_for_bit(ranks, name):
    for rank in ranks:
        left, complaints = rank["watched"][name]
        assert complaints == 0
        assert left == rank["plain"]
    assert ranks[0]["plain"] != ranks[1]["plain"]  # each has losses, batch-norm statistics of its own images


def test_rank_zero_alone_writes(folder):
    written = events(folder, "group-cam")
    assert [event.step for event in written.Images("cam/overview")] == [0, 1]
    assert len([tag for tag in written.Tags()["images"] if tag.startswith("cam/")]) == 4


def test_the_figures_are_those_of_every_process(ranks):
    assert ranks[0]["figures"] == ranks[1]["figures"]
    assert set(ranks[0]["figures"]) >= {"cam/average_drop", "cam/class_similarity", "cam/head_similarity", "cam/drift"}


def test_augmented_as_with_the_weights_in_one_piece(ranks, folder):
    for rank in ranks:
        assert rank["augmented as by hand"]
        assert rank["augmented"] > 0
    assert ranks[0]["first batch"] != ranks[1]["first batch"]
    assert len(events(folder, "augmented").Images("augmentation/first_batch")) == 1


def test_each_process_makes_its_share_of_the_bank(folder):
    from camaug.saliency_bank.saliency_bank import SaliencyBank

    bank = SaliencyBank(folder / "maps")
    assert all(bank.is_whole(number) and bank.record(number).world_size == 2 for number in bank.generations())
    assert len(events(folder, "banked").Scalars("augmentation/bank_iou")) == 2


def test_a_failure_on_one_process_hangs_and_changes_nothing(ranks):
    for rank in ranks:
        assert rank["failing"] == rank["plain"]
    assert [rank["complaints of failures"] for rank in ranks] == [1, 2]  # the logger on rank zero; the evaluator


def test_a_process_without_room_for_the_whole_keeps_all_from_looking(ranks):
    for rank in ranks:
        assert rank["cramped"] == rank["plain"]
        assert rank["complaints of no room"] > 0


@pytest.mark.parametrize("callback", [CamLogger(), CamEvaluator(), GroupCamAugmentation()])
@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (FSDPStrategy, "flattens the weights of many layers into one tensor"),
        (DeepSpeedStrategy, "keeps the weights in an engine of its own"),
    ],
)
def test_others_are_refused(callback, strategy, reason, module, make_trainer):
    trainer = make_trainer(callback)
    trainer._accelerator_connector.strategy = strategy.__new__(strategy)
    message = f"{type(callback).__name__} needs the whole model for a look, and {strategy.__name__} {reason}.*use strat"
    with pytest.raises(ValueError, match=message):
        callback.setup(trainer, module, "fit")


def sharded_by(make_trainer, size: int) -> L.Trainer:
    trainer = make_trainer()
    strategy = ModelParallelStrategy.__new__(ModelParallelStrategy)
    strategy._device_mesh = {"tensor_parallel": type("Mesh", (), {"size": lambda self: size})()}
    trainer._accelerator_connector.strategy = strategy
    return trainer


def test_split_layers_are_refused(module, make_trainer):
    with pytest.raises(ValueError, match=r"\(tensor_parallel_size=2\) splits them: give tensor_parallel_size=1"):
        CamLogger().setup(sharded_by(make_trainer, 2), module, "fit")
    CamEvaluator().setup(sharded_by(make_trainer, 1), module, "fit")


def test_photos_are_not_explained_by_a_sharded_model(module, make_trainer, tmp_path):
    with pytest.raises(ValueError, match="CamWriter looks at as many batches as a process has, which may differ"):
        CamWriter(directory=tmp_path).setup(sharded_by(make_trainer, 1), module, "predict")
