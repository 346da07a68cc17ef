"""The data module of images with boxes: labels, splits, and callbacks on its images."""

from __future__ import annotations

import pickle
from pathlib import Path

import lightning as L
import pytest
import torch
from torch import nn

from camaug import GradCAM
from camaug.augmentation.batch import find_images_and_labels
from camaug.callbacks import CamEvaluator, CamLogger
from camaug.datamodules import BoxedBatch
from tests.datamodules.box_data import (
    CATEGORIES,
    Scene,
    Thing,
    draw_module,
)


def test_the_label_is_the_class_of_the_largest_object(tmp_path):
    data = draw_module(tmp_path)
    data.setup("validate")
    images, labels = next(iter(data.val_dataloader()))
    assert images.shape == (2, 3, 24, 24)
    assert labels.tolist() == [0, 1]
    assert data.dataset("val").targets == [0, 1, 0]
    assert data.classes == list(CATEGORIES)
    mask = data.dataset("val").object_mask(2)
    assert torch.equal(mask, data.dataset("val")[2][0][0] > 0.5)  # the dog, and neither of the birds


def test_labels_are_the_classes_of_the_categories(tmp_path):
    data = draw_module(tmp_path, class_indices={"bird": 4, "cat": 1, "dog": 4})
    data.setup("validate")
    assert data.classes == ["class 0", "cat", "class 2", "class 3", "dog or bird"]
    assert data.dataset("val").targets == [4, 1, 4]
    image = data.dataset("val")[2][0]
    assert torch.equal(data.dataset("val").object_mask(2), (image[0] > 0.5) | (image[2] > 0.5))


def test_several_classes_for_a_category_have_no_labels_and_are_predicted(tmp_path):
    data = draw_module(tmp_path, class_indices={"dog": "151-153", "cat": 281})
    assert not hasattr(data, "classes")
    with pytest.raises(ValueError, match=r"maps 1 categories to several classes each \(dog\)"):
        data.setup("validate")
    data.setup("predict")
    batch = next(iter(data.predict_dataloader()))
    assert batch.class_indices == ((151, 152, 153), (281,))
    assert batch.categories == ("dog", "cat")


@pytest.mark.parametrize(("fraction", "train", "val"), [(0.5, 4, 4), (0, 8, 0), (1.0, 0, 8)])
def test_val_fraction_divides_the_images(tmp_path, fraction, train, val):
    scenes = {f"{n}{i}": Scene(20, 20, [Thing(n, 2, 2, 12, 12)]) for n in ("dog", "cat") for i in range(4)}
    data = draw_module(tmp_path, scenes, val_fraction=fraction)
    for split, count in (("train", train), ("val", val)):
        if count:
            assert len(data.build_dataset(split)) == count
        else:
            with pytest.raises(ValueError, match=f"no images to {split} with: `val_fraction` is {fraction}"):
                data.build_dataset(split)


def test_training_images_are_cropped_and_have_no_masks(tmp_path):
    scenes = {f"{n}{i}": Scene(20, 20, [Thing(n, 2, 2, 12, 12)]) for n in ("dog", "cat") for i in range(4)}
    data = draw_module(tmp_path, scenes, val_fraction=0.5)
    data.setup("fit")
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (2, 3, 24, 24)
    assert set(labels.tolist()) <= {0, 1}
    assert not hasattr(data.dataset("train"), "object_mask")


class ColourNet(L.LightningModule):
    """Classifier by the amount of red, green and blue. Its maps are the objects themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 3, 1, bias=False)
        self.features.weight.data = torch.eye(3).view(3, 3, 1, 1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images):
        return 10 * self.features(images).mean(dim=(2, 3))

    def validation_step(self, batch, batch_idx):
        self.log("accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def predict_step(self, batch, batch_idx):
        assert isinstance(batch, BoxedBatch)
        return batch.masks(batch.pairs())


def trainer(root: Path, *callbacks: L.Callback) -> L.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    logger = L.pytorch.loggers.TensorBoardLogger(root, name="run", version="")
    return L.Trainer(accelerator="cpu", logger=logger, callbacks=list(callbacks), **quiet)


def test_callbacks_use_the_masks_of_the_objects(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = draw_module(tmp_path)
    explainer = GradCAM(layer="features")
    evaluator = CamEvaluator(["energy_in_mask", "pointing_game"], explainer)
    (metrics,) = trainer(tmp_path / "1", evaluator).validate(ColourNet(), datamodule=data, verbose=False)
    assert metrics["accuracy"] == 1
    area = torch.stack([data.dataset("val").object_mask(index).float().mean() for index in range(3)])
    assert metrics["cam_eval_validate/object_energy"] > 0.95  # the rest is at the edges, half coloured
    assert metrics["cam_eval_validate/object_area"] == pytest.approx(area.mean().item(), abs=1e-6)
    assert metrics["cam_eval_validate/pointing_accuracy"] == 1
    by_class = (area[[0, 2]].mean() + area[1]) / 2
    assert metrics["cam_eval_validate/pointing_area"] == pytest.approx(by_class.item(), abs=1e-6)

    trainer(tmp_path / "2", CamLogger(explainer, num_images=3, fast=False)).validate(
        ColourNet(), datamodule=data, verbose=False
    )
    (event,) = EventAccumulator(str(tmp_path / "2/run")).Reload().Scalars("cam_validate/object_energy")
    assert event.value == pytest.approx(metrics["cam_eval_validate/object_energy"], abs=1e-6)


def test_prediction_yields_all_boxes(tmp_path):
    data = draw_module(tmp_path)
    masks = trainer(tmp_path).predict(ColourNet(), datamodule=data)
    assert [len(mask) for mask in masks] == [3, 2]
    dataset = data.boxes_dataset()
    assert dataset.pairs() == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)]
    assert dataset.targets == [0, 1, 0]
    assert pickle.loads(pickle.dumps(dataset)).views == dataset.views


def test_boxes_are_not_mistaken_for_labels(tmp_path):
    two = Scene(20, 20, [Thing("dog", 2, 2, 12, 12), Thing("cat", 12, 12, 20, 20)])
    batch = next(iter(draw_module(tmp_path, {"a": two, "b": two}).predict_dataloader()))
    parts = find_images_and_labels(batch)
    assert parts.images is batch.images
    assert parts.labels is None
