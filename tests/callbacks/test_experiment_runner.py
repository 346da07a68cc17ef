"""Experiments on the images of a data module: the choice of images, failures and restored attributes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import DataLoader, Dataset

from camaug.callbacks import ExperimentRunner
from camaug.datamodules import PhotoFolder
from camaug.experiments import Experiment, ImageBatch, InsertionDeletionExperiment, Report, Table
from camaug.training.trainer import CamaugTrainer
from tests.toys import Blobs, Stream


class Classifier(L.LightningModule):
    preprocessing: ClassVar = {"image_size": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3, "crop_pct": 1.0}

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)
        self.head = nn.Linear(6, classes)
        self.class_names = [f"class {index}" for index in range(classes)]

    def forward(self, images):
        return self.head(self.conv(images).relu().mean(dim=(2, 3)))


@dataclass(frozen=True)
class RecordImages(Experiment):
    """An experiment that keeps its images."""

    name: ClassVar[str] = "record"
    seen: ClassVar[list[ImageBatch]] = []
    fails: bool = False

    def measure(self, model, batches, track) -> Report:
        if self.fails:
            raise RuntimeError("a fuse blew")
        self.seen[:] = list(track(batches, "recording"))
        return Report(
            "Recorded", [Table("seen", ["images"], [[sum(len(batch.images) for batch in batches)]])], notes=("x",)
        )


class Labelled(L.LightningDataModule):
    def __init__(self, dataset, **loader) -> None:
        super().__init__()
        self.dataset, self.loader = dataset, {"batch_size": 4, **loader}

    def predict_dataloader(self):
        return DataLoader(self.dataset, **self.loader)


@pytest.fixture
def photos(tmp_path):
    for index in range(10):
        colour = (25 * index, 100, 200)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.new("RGB", (40, 36), colour).save(tmp_path / f"photos/{index}.png")
    return tmp_path / "photos"


def trainer(kind=L.Trainer, **settings) -> L.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return kind(**{**quiet, "enable_checkpointing": False, **settings})


def run(runner, datamodule, model=None, **settings) -> Report:
    trainer(callbacks=[runner], **settings).predict(model or Classifier(), datamodule, return_predictions=False)
    return runner.report


def test_photos_are_spread_over_the_folder_and_have_names_and_images(photos, tmp_path):
    report = run(
        ExperimentRunner(RecordImages(), tmp_path / "out", num_images=5),
        PhotoFolder(photos, batch_size=2, num_workers=0),
    )
    seen = RecordImages.seen
    assert [name for batch in seen for name in batch.names] == ["0.png", "2.png", "4.png", "6.png", "8.png"]
    assert [len(batch.images) for batch in seen] == [2, 2, 1]
    assert all(batch.labels is None for batch in seen)
    assert seen[0].class_names == ["class 0", "class 1", "class 2"]
    assert seen[1].display_images[0, :, 5, 5].tolist() == pytest.approx([100 / 255, 100 / 255, 200 / 255], abs=0.01)
    assert not seen[0].images.is_inference()
    assert report.notes == ("Model: Classifier, 189 parameters.", "Images: 5 of 10 from photos.", "x")
    assert (tmp_path / "out/seen.csv").read_text() == "images\n5\n"


def test_a_broken_photo_is_left_out_counted_and_named(photos, tmp_path):
    (photos / "3.png").write_bytes(b"not an image")
    datamodule = PhotoFolder(photos, batch_size=4, num_workers=0)
    report = run(ExperimentRunner(RecordImages(), tmp_path / "out", num_images=None), datamodule)
    assert report.table("seen").rows == [[9]]
    assert "3.png" not in [name for batch in RecordImages.seen for name in batch.names]
    (note,) = [note for note in report.notes if note.startswith("Left out")]
    assert "1 of the chosen images, which cannot be read" in note
    assert "3.png" in note


def test_nothing_but_broken_photos_is_an_error(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"no images for the experiment. Left out: 1 of .*a\.jpg"):
        run(
            ExperimentRunner(RecordImages(), tmp_path / "out", num_images=None),
            PhotoFolder(tmp_path / "photos", num_workers=0),
        )


def test_labelled_images_are_spread_over_the_classes(dataset, tmp_path):
    run(ExperimentRunner(RecordImages(), tmp_path, num_images=6), Labelled(dataset))
    assert sorted(torch.cat([batch.labels for batch in RecordImages.seen]).tolist()) == [0, 0, 1, 1, 2, 2]
    assert RecordImages.seen[0].class_names == ["left", "middle", "right"]
    assert torch.equal(RecordImages.seen[0].source[0], RecordImages.seen[0].images)


class TwoLabels(Dataset):
    """A data set of two views and two labels."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index):
        image, label = Blobs()[index]
        return {"near": image, "far": image * 0, "species": label, "genus": 7 + label}


def test_selectors_say_where_images_and_labels_are(tmp_path):
    runner = ExperimentRunner(RecordImages(), tmp_path, None, images="near", labels="species")
    run(runner, Labelled(TwoLabels()))
    assert sorted(torch.cat([batch.labels for batch in RecordImages.seen]).tolist()) == [0, 0, 1, 1, 2, 2]
    assert all(batch.images.any() for batch in RecordImages.seen)


def test_labels_that_do_not_fit_are_not_used(tmp_path):
    runner = ExperimentRunner(RecordImages(), tmp_path, None, images="near", labels="genus")
    report = run(runner, Labelled(TwoLabels()))
    assert all(batch.labels is None for batch in RecordImages.seen)
    assert any("The labels are not used: labels name class 9" in note for note in report.notes)


def test_labels_of_other_classes_than_the_models_are_not_used(dataset, tmp_path):
    report = run(ExperimentRunner(RecordImages(), tmp_path, num_images=3), Labelled(dataset), Classifier(classes=5))
    assert all(batch.labels is None for batch in RecordImages.seen)
    assert RecordImages.seen[0].class_names == [f"class {index}" for index in range(5)]
    assert "The labels are not used: they are of 3 classes, and the model has 5." in report.notes


def test_a_smaller_data_set_is_used_whole_with_a_warning(dataset, tmp_path):
    with pytest.warns(UserWarning, match="100 images were asked for, and there are 24: all are taken"):
        report = run(ExperimentRunner(RecordImages(), tmp_path), Labelled(dataset))
    assert report.table("seen").rows == [[24]]


def test_a_logger_of_the_trainer_gets_the_report(dataset, tmp_path):
    logger = TensorBoardLogger(tmp_path / "logs", name="", version="")
    run(ExperimentRunner(RecordImages(), tmp_path / "out", num_images=3), Labelled(dataset), logger=logger)
    assert "seen/text_summary" in EventAccumulator(str(tmp_path / "logs")).Reload().Tags()["tensors"]
    assert not list((tmp_path / "out").glob("events*"))


@pytest.mark.parametrize("fails", [False, True])
def test_model_and_data_module_are_restored(dataset, tmp_path, fails):
    model = Classifier().train()
    model.conv.eval()
    model.predict_step = step = lambda batch, *_: None
    datamodule = L.LightningDataModule()
    datamodule.predict_dataloader = loader = lambda: DataLoader(dataset, batch_size=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    runner = ExperimentRunner(RecordImages(fails), tmp_path, num_images=3)
    if fails:
        with pytest.raises(RuntimeError, match="a fuse blew"):
            run(runner, datamodule, model)
        assert not list(tmp_path.glob("*.csv"))
    else:
        run(runner, datamodule, model)
        # After a failure they are as Lightning's prediction leaves them.
        assert (model.training, model.conv.training, model.head.training) == (True, False, True)
    assert vars(datamodule)["predict_dataloader"] is loader
    assert vars(model)["predict_step"] is step
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_methods_with_gradients_work_inside_predict(dataset, tmp_path):
    methods = ["grad-cam", "smooth-grad", "group-cam"]
    experiment = InsertionDeletionExperiment(methods, target="label", step=0.5)
    model = Classifier()
    report = run(ExperimentRunner(experiment, tmp_path, num_images=3), Labelled(dataset), model)
    expected = experiment.run(model, first_of_each_class(dataset))
    assert [row[0] for row in report.tables[0].rows] == methods
    for row, other in zip(report.tables[0].rows, expected.tables[0].rows, strict=True):
        assert row[3].value == pytest.approx(other[3].value, abs=1e-3)


def first_of_each_class(dataset) -> list[ImageBatch]:
    chosen = [0, 1, 2]  # the first of each class
    return [ImageBatch(dataset.images[chosen], torch.tensor([dataset.targets[index] for index in chosen]))]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda path: ExperimentRunner(RecordImages(), path, num_images=0),
            "`num_images` must be at least 1, or None for all images, got 0",
        ),
        (
            lambda path: run(ExperimentRunner(RecordImages(), path), Labelled(Stream())),
            "returns a DataLoader of a stream",
        ),
        (lambda path: run(ExperimentRunner(RecordImages(), path / "file"), Labelled([])), "is a file: give a folder"),
    ],
)
def test_bad_input_is_an_error(tmp_path, make, message):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=message):
        make(tmp_path)


@dataclass(frozen=True)
class Signalled(Experiment):
    """An experiment that gets a signal long before its end."""

    number: int

    def measure(self, model, batches, track) -> Report:
        for step in track(range(1000), "waiting"):
            if step == 3:
                os.kill(os.getpid(), self.number)
        pytest.fail("nothing ended it")


@pytest.mark.usefixtures("default_signals")  # also restores SIGINT, which Lightning ignores once it has arrived
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_no_report(dataset, tmp_path, number):
    datamodule, model = Labelled(dataset), Classifier()
    with pytest.raises(SystemExit):
        run(ExperimentRunner(Signalled(number), tmp_path, num_images=3), datamodule, model)
    assert not list(tmp_path.iterdir())
    assert "predict_step" not in vars(model)
    assert "predict_dataloader" not in vars(datamodule)


def test_two_processes_are_refused(tmp_path, monkeypatch):
    runner, two = ExperimentRunner(RecordImages(), tmp_path), trainer()
    monkeypatch.setattr(type(two), "world_size", 2)
    with pytest.raises(ValueError, match=r"runs in one process, and the trainer has 2: set trainer\.devices to 1"):
        runner.setup(two, Classifier(), "predict")


def test_a_missing_package_is_an_error_before_an_image_is_read(dataset, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    monkeypatch.setattr(type(dataset), "__getitem__", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(ImportError, match=r"scipy, which is not installed: pip install 'camaug\[experiments\]'"):
        run(ExperimentRunner(RecordImages(), tmp_path), Labelled(dataset))


def test_the_trainers_method_returns_the_report_and_keeps_no_callback(dataset, tmp_path):
    ours = trainer(CamaugTrainer)
    before = list(ours.callbacks)
    report = ours.experiment(Classifier(), Labelled(dataset), RecordImages(), str(tmp_path), images=6)
    assert report.table("seen").rows == [[6]]
    assert ours.callbacks == before
