"""The blobs that CamLogger writes for the camaug tab."""

from __future__ import annotations

import json
from itertools import chain

import pytest
import torch
import torch.nn.functional as F
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from camaug import GradCAM, GroupCAM
from camaug.callbacks import CamLogger
from camaug.callbacks._logging.film_strip import snapshot_record, write_strip
from camaug.callbacks._logging.snapshot import Snapshot
from camaug.functional.rank_correlation import rank_correlation
from camaug.metrics.energy_in_mask import energy_in_mask
from camaug.metrics.trust import are_constant
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.probe_blob import ProbeBlob
from tests.toys import Blobs, ToyClassifier

SERIES = Series("0", "cam", "grad-cam")


class RecordingLogger(CamLogger):
    """A logger that keeps its snapshots."""

    def __init__(self, *arguments, **settings) -> None:
        super().__init__(*arguments, **settings)
        self.snapshots: list[Snapshot] = []

    def setup(self, *arguments, **settings) -> None:
        super().setup(*arguments, **settings)
        take = self._taker.take

        def take_and_keep(*arguments) -> Snapshot:
            self.snapshots.append(take(*arguments))
            return self.snapshots[-1]

        self._taker.take = take_and_keep


@pytest.fixture
def read(tmp_path):
    """Return a function that reads the logged blobs."""

    def make() -> MultiplexerReader:
        multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
        multiplexer.AddRunsFromDirectory(str(tmp_path / "run"))
        multiplexer.Reload()
        return MultiplexerReader(multiplexer)

    return make


def test_the_blobs_contain_every_snapshot(module, loader, make_trainer, read):
    logger = RecordingLogger("grad-cam", num_images=6, fast=False)
    make_trainer(logger, max_epochs=13).fit(module, loader, loader)
    source = DataSource(read())
    steps = [3 * epoch + 2 for epoch in range(13)]
    (run,) = source.runs()["runs"]
    assert len(run.pop("wall_times")) == 13
    assert run == {**SERIES._asdict(), "steps": steps, "probes": 6, "mistake_steps": steps}
    response = source.snapshots(SERIES)
    assert (response["steps"], response["epochs"]) == (steps, list(range(13)))
    assert response["layer"] == "net.6"
    assert response["settings"].startswith("grad-cam ")
    assert response["classes"] == ["left", "middle", "right"]
    assert [(probe["id"], *probe["labels"]) for probe in response["probes"]] == [
        (0, 0), (12, 0), (1, 1), (13, 1), (2, 2), (14, 2)
    ]  # fmt: skip
    assert len(logger.snapshots) == 13
    for epoch, snapshot in enumerate(logger.snapshots):
        values = {name: rows[epoch] for name, rows in response["snapshots"].items()}
        assert values["predicted"] == snapshot.predicted.tolist()
        assert values["confidence"] == pytest.approx(snapshot.probabilities.amax(dim=1).tolist(), abs=1e-6)
        true = snapshot.probabilities.gather(1, torch.tensor(snapshot.labels)[:, None])[:, 0]
        assert [*chain.from_iterable(values["true_confidences"])] == pytest.approx(true.tolist(), abs=1e-6)
        assert values["object_energy"] == pytest.approx(
            energy_in_mask(snapshot.true_maps, snapshot.masks).tolist(), abs=1e-6
        )
        if epoch:
            previous = logger.snapshots[epoch - 1].true_maps
            drift = 1 - rank_correlation(snapshot.true_maps, previous)
            stays_constant = are_constant(snapshot.true_maps) & are_constant(previous)
            for value, expected, is_unknown in zip(values["drift"], drift, stays_constant, strict=True):
                assert value == (None if is_unknown else pytest.approx(float(expected), abs=1e-6))
    metrics = response["metrics"]
    assert [step for step, _ in metrics["cam/confidence"]] == steps
    assert [step for step, _ in metrics["cam/drift"]] == steps
    assert {"val/loss", "cam/centre_bias", "cam/object_energy"} <= set(metrics)
    known = [drift for drift in response["snapshots"]["drift"][5] if drift is not None]
    assert metrics["cam/drift"][5][1] == pytest.approx(sum(known) / len(known), abs=1e-5)


def test_stored_maps_match_the_explainer_within_one_8_bit_step(module, loader, dataset, make_trainer, read):
    with torch.no_grad():
        module.net[-1].bias.copy_(torch.tensor([100.0, 0.0, 0.0]))  # always predicts the first class
    module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), lr=0.0)
    make_trainer(CamLogger("grad-cam", num_images=3, fast=False), max_epochs=1).fit(module, loader, loader)
    reader = read()
    for index in range(3):
        tag = f"camaug/cam/grad-cam/{index}"
        (content,) = reader.blobs("0", [tag])[tag].values()
        blob = ProbeBlob.from_bytes(content)
        expected = GradCAM()(module, dataset.images[index : index + 1]).maps[0]
        assert (restore_map(blob.maps[0].stored, (24, 24)) - expected).abs().max() <= 1 / 255
        record = blob.record
        assert (record["id"], record["epoch"], record["step"]) == (index, 0, 2)
        assert (record["method"], record["layer"], record["predicted"]) == ("grad-cam", "net.6", 0)
        if index == 0:
            assert blob.classes == [0]
        else:
            expected = GradCAM()(module, dataset.images[index : index + 1], index).maps[0]
            assert blob.classes == [0, index]
            assert (restore_map(blob.maps[1].stored, (24, 24)) - expected).abs().max() <= 1 / 255


def test_originals_and_class_names_are_written_once(module, loader, make_trainer, read):
    trainer = make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=3)
    trainer.fit(module, loader, loader)
    trainer.test(module, loader, verbose=False)
    reader = read()
    tags = ["camaug/cam/original/0", "camaug/cam_test/original/2", "camaug/cam/grad-cam/classes"]
    assert {tag: len(blobs) for tag, blobs in reader.blobs("0", tags).items()} == dict.fromkeys(tags, 1)
    assert [entry["prefix"] for entry in DataSource(reader).runs()["runs"]] == ["cam", "cam_test"]


def test_two_loggers_in_one_run_are_two_series(module, loader, make_trainer, read, read_events):
    group = GroupCAM(groups=4, theta=None, blur_kernel_size=5, blur_sigma=5.0)
    loggers = CamLogger(group, num_images=3), CamLogger("grad-cam", num_images=3, tag="grad-cam")
    make_trainer(*loggers, max_epochs=1).fit(module, loader, loader)
    series = [(entry["prefix"], entry["method"]) for entry in DataSource(read()).runs()["runs"]]
    assert series == [("cam", "group-cam"), ("grad-cam", "grad-cam")]
    tags = read_events().Tags()
    assert {"cam/overview", "grad-cam/overview"} <= set(tags["images"])
    assert {"cam/centre_bias", "grad-cam/centre_bias"} <= set(tags["scalars"])


class SeveralBlobs(Blobs):
    """Blobs of which each has its class and, in every other image, the next class, as rows of labels."""

    def __getitem__(self, index: int):
        label = torch.zeros(len(self.classes))
        label[[self.targets[index], (self.targets[index] + index % 2) % len(self.classes)]] = 1
        return self.images[index], label


class SeveralClassifier(ToyClassifier):
    """A classifier of images that have several labels."""

    def training_step(self, batch, batch_idx):
        return F.binary_cross_entropy_with_logits(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))


def test_every_label_and_the_highest_false_positive_have_the_explainers_own_map(make_trainer, read):
    dataset, module = SeveralBlobs(), SeveralClassifier()
    with torch.no_grad():
        module.net[-1].bias.copy_(torch.tensor([100.0, -100.0, 0.0]))
    module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), lr=0.0)
    loader = DataLoader(dataset, batch_size=8)
    logger = CamLogger("grad-cam", num_images=6, fast=False, multi_label=True)
    make_trainer(logger, max_epochs=1).fit(module, loader, loader)
    reader = read()
    snapshots = DataSource(reader).snapshots(SERIES)
    assert snapshots["multi_label"]
    ids = [probe["id"] for probe in snapshots["probes"]]
    assert len(ids) == 6
    seen = set()
    for position, index in enumerate(ids):
        tag = f"camaug/cam/grad-cam/{index}"
        (content,) = reader.blobs("0", [tag])[tag].values()
        blob = ProbeBlob.from_bytes(content)
        image, row = dataset[index]
        probabilities = module.eval()(image[None])[0].sigmoid()
        labels = row.nonzero()[:, 0].tolist()
        false = [each for each in (0, 2) if each not in labels and probabilities[each] >= 0.5]
        assert blob.record["labels"] == labels
        # The first class has the highest logit, and is a false positive itself where it is no label.
        assert blob.classes == list(dict.fromkeys([0, *labels, *false[:1]]))
        seen.add(len(blob.classes))
        for each, stored in blob.maps:
            expected = GradCAM()(module, image[None], each).maps[0]
            assert (restore_map(stored, (24, 24)) - expected).abs().max() <= 1 / 255
        values = {name: rows[0][position] for name, rows in snapshots["snapshots"].items()}
        assert values["missed"] == [each for each in labels if probabilities[each] < 0.5]
        assert [each for each, _ in values["false_positives"]] == false
        assert values["false_positive_count"] == len(false)
        assert values["correct"] == (not values["missed"] and not false)
    assert len(seen) > 1


def test_classes_that_exclude_each_other_have_no_label_errors():
    maps = torch.rand(1, 6, 6)
    images, probabilities = torch.rand(1, 3, 6, 6), torch.tensor([[0.1, 0.9]])
    record = snapshot_record(Snapshot([3], [0], images, probabilities, torch.tensor([1]), maps, maps, None), {})
    assert not record["multi_label"]
    assert record["correct"] == [False]
    assert not {"missed", "false_positives", "false_positive_count"} & set(record)


def test_false_positives_are_listed_with_their_number():
    maps = torch.rand(1, 6, 6)
    probabilities = torch.linspace(0.6, 0.9, 31)[None]
    several = {"positives": [(30,)], "has_several": True}
    images, predicted = torch.rand(1, 3, 6, 6), torch.tensor([30])
    record = snapshot_record(Snapshot([3], [30], images, probabilities, predicted, maps, maps, None, **several), {})
    assert record["false_positive_count"] == [30]
    assert [each for each, _ in record["false_positives"][0]] == list(range(29, 9, -1))


def test_a_prediction_among_several_possible_labels_is_right(tmp_path, read):
    maps = torch.rand(3, 6, 6)
    probabilities = torch.tensor([[0.2, 0.9, 0.6], [0.7, 0.4, 0.3], [0.8, 0.1, 0.1]])
    snapshot = Snapshot(
        indices=[3, 4, 5],
        labels=[1, 1, None],
        images=torch.rand(3, 3, 6, 6),
        probabilities=probabilities,
        predicted=torch.tensor([2, 0, 0]),
        maps=maps,
        true_maps=1 - maps,
        masks=None,
        positives=[(1, 2), (1, 2), ()],
    )
    record = snapshot_record(snapshot, {})
    assert record["labels"] == [[1, 2], [1, 2], []]
    assert record["true_confidences"] == [[0.9, 0.6], [0.4, 0.3], []]
    with SummaryWriter(tmp_path / "run/0") as writer:
        write_strip(writer, snapshot, "cam", "grad-cam", record, {"epoch": 0, "step": 7})
    blobs = read().blobs("0", [f"camaug/cam/grad-cam/{index}" for index in snapshot.indices])
    assert [list(steps) for steps in blobs.values()] == [[7]] * 3
    classes = [ProbeBlob.from_bytes(steps[7]).classes for steps in blobs.values()]
    assert classes == [[2], [0, 1], [0]]  # right, wrong, unlabelled


def test_unknown_and_non_finite_values_are_none():
    maps = torch.rand(2, 6, 6)
    probabilities = torch.tensor([[0.25, 0.75], [float("nan")] * 2])
    snapshot = Snapshot(
        [3, 4], [None, 1], torch.rand(2, 3, 6, 6), probabilities, torch.tensor([1, 0]), maps, maps, None
    )
    record = snapshot_record(snapshot, {"cam/drift": float("nan"), "val/loss": 0.5})
    assert record["confidence"] == [0.75, None]
    assert record["labels"] == [[], [1]]
    assert record["true_confidences"] == [[], [None]]
    assert record["drift"] == record["object_energy"] == [None, None]
    assert record["warning"] == ["", "logits not finite: the model's logits are NaN or infinite"]
    assert record["top_classes"][0] == [[1, 0.75], [0, 0.25]]
    assert record["metrics"] == {"val/loss": 0.5}
    json.dumps(record, allow_nan=False)
