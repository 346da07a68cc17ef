from __future__ import annotations

import json
import re
import warnings

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader

from camaug import Explainer, GradCAM, get_explainer
from camaug.callbacks import CamEvaluator, CamLogger, RunRecorder
from camaug.metrics import ROAD, AverageDrop, Drift, EnergyInMask, InsertionDeletion, PointingGame, Trust
from tests.callbacks.neutrality import SETTINGS, differences, train
from tests.toys import Blobs, Stream

EVERY = ["insertion_deletion", "average_drop", "road", "drift", "trust", "energy_in_mask", "pointing_game"]


def fit(module, loader, make_trainer, *callbacks, **settings):
    trainer = make_trainer(*callbacks, **settings)
    trainer.fit(module, loader, loader)
    return trainer


def test_values_equal_those_of_the_metrics_on_the_same_images(module, make_trainer):
    data = Blobs(size=6)
    loader = DataLoader(data, batch_size=4)
    trainer = fit(module, loader, make_trainer, CamEvaluator(EVERY, "grad-cam", num_images=6), max_epochs=1)
    module.eval()
    order = [0, 3, 1, 4, 2, 5]  # class by class, as the probes are
    images = torch.stack([data.images[index] for index in order])
    labels = torch.tensor([data.targets[index] for index in order])
    masks = torch.stack([data.masks[index] for index in order])
    maps = GradCAM()(module, images, labels).maps
    insertion, drop, road, trust = InsertionDeletion(), AverageDrop(), ROAD(), Trust("grad-cam")
    for metric in (insertion, drop, road, trust):
        metric.update(module, images, maps, labels)
    energy, pointing = EnergyInMask(), PointingGame(3)
    energy.update(maps, masks)
    pointing.update(maps, masks, labels)
    prefixed = {insertion: "", drop: "", trust: "", road: "road_", energy: "object_", pointing: "pointing_"}
    for metric, prefix in prefixed.items():
        for name, value in metric.compute().items():
            logged = trainer.callback_metrics[f"cam_eval/{prefix}{name}"]
            assert logged.item() == pytest.approx(value.item(), abs=1e-4), name


class Corners(torch.utils.data.Dataset):
    """Images of four classes, each of a single colour."""

    def __init__(self, size: int = 12) -> None:
        self.targets = [index % 4 for index in range(size)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index):
        return torch.full((4, 16, 16), 0.05).index_fill(0, torch.tensor(self.targets[index]), 1.0), self.targets[index]


class ByColour(L.LightningModule):
    """A classifier whose logits are the scaled means of the channels."""

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(4, 4, 1, bias=False)
        self.features.weight.data = torch.eye(4)[:, :, None, None]
        self.head = torch.nn.Linear(4, 4, bias=False)
        self.head.weight.data = scale * torch.eye(4)

    def forward(self, images):
        return self.head(self.features(images).mean(dim=(2, 3)))

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self(batch[0]).sum())


def test_mosaics_of_confident_images_without_annotation(make_trainer):
    """Each class's heatmap is inside its own cell of every mosaic, up to the blur of downscaling at the edges."""
    loader = DataLoader(Corners(), batch_size=4)
    trainer = make_trainer(CamEvaluator(["grid_pointing_game"], "grad-cam", num_images=12))
    trainer.validate(ByColour(), loader)
    assert trainer.callback_metrics["cam_eval_validate/grid_chance"] == 0.25
    assert trainer.callback_metrics["cam_eval_validate/grid_localisation"].item() > 0.9


def test_too_few_confident_images_for_a_mosaic_are_reported(make_trainer):
    trainer = make_trainer(CamEvaluator(["grid_pointing_game"], "grad-cam", num_images=12))
    with (
        pytest.warns(UserWarning, match=r"a mosaic of 2 × 2 needs images of 4 classes .* 0 of 12 images"),
        pytest.warns(UserWarning, match="logs no grid_pointing_game in epoch 0: no image was evaluated"),
    ):
        trainer.validate(ByColour(scale=0.1), DataLoader(Corners(), batch_size=4))
    assert not any("grid" in name for name in trainer.callback_metrics)


def test_images_without_an_object_are_left_out_and_reported(module, make_trainer):
    data = Blobs(size=6)
    data.masks[3] = False
    loader = DataLoader(data, batch_size=4)
    trainer = make_trainer(CamEvaluator(["energy_in_mask", "pointing_game"], "grad-cam", num_images=6), max_epochs=1)
    with pytest.warns(UserWarning, match=r"CamEvaluator: the masks of 1 of the 6 images are empty, .*: \[3\]"):
        trainer.fit(module, loader, loader)
    module.eval()
    kept = [0, 1, 4, 2, 5]
    images, labels = torch.stack([data.images[n] for n in kept]), torch.tensor([data.targets[n] for n in kept])
    energy = EnergyInMask()
    energy.update(GradCAM()(module, images, labels).maps, torch.stack([data.masks[n] for n in kept]))
    assert trainer.callback_metrics["cam_eval/object_energy"].item() == pytest.approx(
        float(energy.compute()["energy"]), abs=1e-4
    )
    assert trainer.callback_metrics["cam_eval/pointing_classes"] == 3


def test_drift_is_since_the_previous_evaluation_from_the_first_epoch_on(module, loader, make_trainer):
    class Keep(L.Callback):
        maps: list[torch.Tensor] = []  # noqa: RUF012

        def snapshot(self, module):
            self.maps.append(GradCAM()(module, *self.images_and_labels).maps)

        def on_train_start(self, trainer, module):
            batches = [trainer.val_dataloaders.dataset[index] for index in (0, 3, 1, 4, 2, 5)]
            self.images_and_labels = (
                torch.stack([image for image, _ in batches]),
                torch.tensor([label for _, label in batches]),
            )
            self.snapshot(module)

        def on_validation_epoch_end(self, trainer, module):
            self.snapshot(module)

    data = DataLoader(Blobs(size=6), batch_size=8)
    keep = Keep()
    trainer = make_trainer(
        CamEvaluator(["drift"], "grad-cam", num_images=6), keep, max_epochs=2, num_sanity_val_steps=0
    )
    trainer.fit(module, loader, data)
    metric = Drift()
    metric.update(keep.maps[2], keep.maps[1])
    assert len(keep.maps) == 3
    assert trainer.callback_metrics["cam_eval/drift"].item() == pytest.approx(
        metric.compute()["drift"].item(), abs=1e-5
    )


def test_early_stopping_and_checkpoints_monitor_it(module, loader, make_trainer, tmp_path):
    evaluator = CamEvaluator(["insertion_deletion", "drift"], "grad-cam", num_images=4)
    stop = EarlyStopping(monitor="cam_eval/drift", mode="min", patience=1, min_delta=10)
    keep = ModelCheckpoint(tmp_path / "kept", monitor="cam_eval/over_all", mode="max", filename="best")
    trainer = fit(module, loader, make_trainer, evaluator, stop, keep, max_epochs=6, enable_checkpointing=True)
    assert trainer.current_epoch == 2
    assert keep.best_model_score is not None
    assert (tmp_path / "kept" / "best.ckpt").is_file()


def test_every_second_epoch(module, loader, make_trainer, read_events):
    fit(
        module,
        loader,
        make_trainer,
        CamEvaluator(["average_drop"], "grad-cam", num_images=3, every_n_epochs=2),
        max_epochs=4,
    )
    assert len(read_events().Scalars("cam_eval/average_drop")) == 2


def test_the_end_alone_is_in_the_recorded_results(module, loader, make_trainer, tmp_path, read_events):
    evaluator = CamEvaluator(["average_drop"], "grad-cam", num_images=3, only_last=True)
    fit(module, loader, make_trainer, RunRecorder(str(tmp_path)), evaluator, max_epochs=2)
    (event,) = read_events().Scalars("cam_eval/average_drop")
    record = json.loads((tmp_path / "result.json").read_text())
    assert event.step == 5
    assert record["final"]["cam_eval/average_drop"] == pytest.approx(event.value)
    assert "cam_eval/average_drop" not in record["history"]


def test_validate_test_and_no_validation_data(module, loader, make_trainer):
    evaluator = CamEvaluator(["average_drop"], "grad-cam", num_images=3)
    trainer = make_trainer(evaluator)
    assert "cam_eval_validate/average_drop" in trainer.validate(module, loader, verbose=False)[0]
    assert "cam_eval_test/average_drop" in trainer.test(module, loader, verbose=False)[0]
    trainer.fit(module, loader)
    assert "cam_eval/average_drop" in trainer.callback_metrics


def test_streams_of_validation_images(module, dataset, loader, make_trainer):
    trainer = make_trainer(CamEvaluator(["average_drop"], "grad-cam", num_images=3), max_epochs=1)
    trainer.fit(module, loader, DataLoader(Stream([dataset[index] for index in range(8)]), batch_size=4))
    assert "cam_eval/average_drop" in trainer.callback_metrics


def test_beside_the_logger_every_tag_is_written_once_an_epoch(module, loader, make_trainer, read_events):
    fit(
        module,
        loader,
        make_trainer,
        CamEvaluator(["drift"], "grad-cam"),
        CamLogger("grad-cam", num_images=3),
        max_epochs=3,
    )
    assert len(read_events().Scalars("cam_eval/drift")) == 3
    assert len(read_events().Scalars("cam/confidence")) == 3


@pytest.mark.parametrize("name", ["grad-cam", "group-cam", "gradient"])
def test_training_is_bit_for_bit_the_same(name, make_trainer):
    settings = {"groups": 4} if name == "group-cam" else {}
    evaluator = CamEvaluator(
        ["insertion_deletion", "road", "trust", "drift"], get_explainer(name, **settings), num_images=3
    )
    without, beside = (train(make_trainer, SETTINGS["plain"], watchers) for watchers in ([], [evaluator]))
    assert differences(without, beside) == []


class Broken(Explainer):
    def saliency(self, evidence):
        raise RuntimeError("no heat today")


def test_a_failure_is_a_warning_and_training_goes_on(module, loader, make_trainer):
    trainer = make_trainer(CamEvaluator(["average_drop"], Broken(), num_images=3), max_epochs=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, loader, loader)
    assert trainer.current_epoch == 2
    messages = [str(warning.message) for warning in caught]
    (text,) = [message for message in messages if "CamEvaluator" in message]
    assert re.search(r"no heat today\. Give a function that returns logits, CamEvaluator\(forward=\)", text)
    assert "training goes on" in text
    assert "cam_eval/average_drop" not in trainer.callback_metrics


def test_metrics_that_need_masks(module, make_trainer):
    data = torch.utils.data.TensorDataset(torch.rand(6, 3, 24, 24), torch.arange(6) % 3)
    loader = DataLoader(data, batch_size=3)
    trainer = make_trainer(CamEvaluator(["drift", "pointing_game"], "grad-cam"), max_epochs=1)
    with pytest.warns(UserWarning, match="CamEvaluator cannot compute pointing_game, because the data set has no"):
        trainer.fit(module, loader, loader)
    assert "cam_eval/drift" in trainer.callback_metrics
    assert not any("pointing" in name for name in trainer.callback_metrics)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"metrics": ["insertion"]},
            "unknown metric 'insertion', did you mean 'insertion_deletion'.* expected some of insertion_deletion, ",
        ),
        ({"metrics": []}, "`metrics` is empty, expected some of"),
        ({"num_images": 0}, "`num_images` must be at least 1, got 0"),
        ({"explainer": "grad"}, "unknown explainer 'grad'"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        CamEvaluator(**settings)
