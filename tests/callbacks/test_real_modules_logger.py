"""CamLogger and CamEvaluator with modules, batches and loaders as other projects have them."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import lightning as L
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from camaug.callbacks import CamEvaluator, CamLogger
from camaug.explainers import GradCAM
from camaug.metrics import AverageDrop
from tests.toys import CLASSES, Blobs, ToyClassifier

# Modules


class AnyBatch(ToyClassifier):
    """A classifier that takes its images and labels out of batches by a function."""

    def __init__(self, read=lambda batch: batch) -> None:
        super().__init__()
        self.read = read

    def training_step(self, batch, batch_idx):
        return super().training_step(self.read(batch), batch_idx)

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        images, labels = self.read(batch)
        self.log("val/loss", F.cross_entropy(self(images), labels), batch_size=len(images))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


class NormalisedAfterTransfer(AnyBatch):
    """A classifier whose hook scales images of integers."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return [batch[0].float() / 255, batch[1]]


class NormalisedByType(AnyBatch):
    """A classifier whose forward scales images of integers alone."""

    def forward(self, images):
        return self.net(images / 255 if images.dtype == torch.uint8 else images)


class FrozenBackbone(AnyBatch):
    """A classifier whose convolutions run without gradients."""

    def forward(self, images):
        *backbone, head = self.net
        with torch.no_grad():
            features = torch.nn.Sequential(*backbone)(images)
        return head(features)


class OneLogit(AnyBatch):
    """A binary classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.net[-1] = torch.nn.Linear(self.net[-1].in_features, 1)

    def training_step(self, batch, batch_idx):
        return F.binary_cross_entropy_with_logits(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))


class SeveralLabels(OneLogit):
    """A classifier of images with several labels."""

    def __init__(self) -> None:
        super().__init__()
        self.net[-1] = torch.nn.Linear(self.net[-1].in_features, CLASSES)


# Data sets


class Items(Dataset):
    """Blobs changed by a function of the image and the label."""

    classes = Blobs.classes

    def __init__(self, change=lambda image, label: (image, label), size: int = 12) -> None:
        self.blobs, self.change = Blobs(size), change

    def __len__(self) -> int:
        return len(self.blobs)

    def __getitem__(self, index: int):
        return self.change(*self.blobs[index])


class WholeBatches(IterableDataset):
    """A stream of whole batches."""

    def __iter__(self):
        yield from DataLoader(Items(), batch_size=4)


class SeveralSizes(IterableDataset):
    """A stream of batches of several sizes."""

    def __iter__(self):
        for side in (24, 32, 24):
            yield torch.rand(2, 3, side, side), torch.tensor([0, 1])


class Corrupt(Items):
    """A data set of which one item cannot be read."""

    def __getitem__(self, index: int):
        if index == 10:
            raise ValueError("truncated file 10.jpg")
        return super().__getitem__(index)


class Missing(Items):
    """A data set that returns None for an item, which its collate function drops."""

    def __getitem__(self, index: int):
        return None if index == 10 else super().__getitem__(index)


def drop_missing(items):
    return torch.utils.data.default_collate([item for item in items if item is not None])


@dataclass
class OwnBatch:
    """A batch class with a method ``to``."""

    photo: Tensor
    target: Tensor

    def to(self, *arguments, **settings):
        return OwnBatch(self.photo.to(*arguments, **settings), self.target.to(*arguments, **settings))


def as_own_batch(items) -> OwnBatch:
    return OwnBatch(*torch.utils.data.default_collate(items))


def integers(image, label):
    return (image * 255).to(torch.uint8), label


def loader_of(dataset, **settings) -> DataLoader:
    return DataLoader(dataset, **({"batch_size": 4} | settings))


def fit(make_trainer, module, loader, *callbacks, validation=None, **settings) -> list[str]:
    """Train with callbacks, and return their warnings, except those about the maps themselves."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = make_trainer(*callbacks, **({"max_epochs": 1} | settings))
        trainer.fit(module, loader, loader if validation is None else validation)
    assert trainer.current_epoch == trainer.max_epochs
    messages = [str(warning.message) for warning in caught]
    return [text for text in messages if text.startswith("Cam") and "not to be trusted" not in text]


def both(**settings) -> tuple[CamLogger, CamEvaluator]:
    settings = {"num_images": 6, "explainer": "grad-cam"} | settings
    return CamLogger(**settings), CamEvaluator(["average_drop"], **settings)


WORKING = {
    "integers, normalised after transfer": (NormalisedAfterTransfer, lambda: loader_of(Items(integers))),
    "a stream of whole batches": (AnyBatch, lambda: DataLoader(WholeBatches(), batch_size=None)),
    "an own batch class": (
        lambda: AnyBatch(lambda b: (b.photo, b.target)),
        lambda: loader_of(Items(), collate_fn=as_own_batch),
    ),
}


@pytest.mark.parametrize("name", WORKING)
def test_usual_data_and_modules_work_without_arguments(name, make_trainer, read_events):
    make_module, make_loader = WORKING[name]
    assert fit(make_trainer, make_module(), make_loader(), *both()) == []
    events = read_events()
    images = set(events.Tags()["images"]) - {"cam/overview", "cam/mistakes"}
    assert len(images) == 6
    assert "cam/mistakes" in events.Tags()["images"]
    assert {"cam/confidence", "cam_eval/average_drop"} <= set(events.Tags()["scalars"])
    labels = {tag.split("/")[1] for tag in images}
    assert labels in ({"left", "middle", "right"}, {f"class {index}" for index in range(CLASSES)})


LEFT_OUT = {
    "an item that cannot be read": (lambda: loader_of(Corrupt()), "truncated file 10.jpg"),
    "the same in a worker process": (lambda: loader_of(Corrupt(), num_workers=1), "truncated file 10.jpg"),
    "an item that is dropped": (lambda: loader_of(Missing(), collate_fn=drop_missing), "the data set returns None"),
    "an image of another size": (
        lambda: loader_of(Items(lambda image, label: (image[:, : 24 - 8 * (label == 1)], label)), batch_size=1),
        "its size is",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_bad_image_costs_that_image(name, make_trainer, read_events):
    make_loader, reason = LEFT_OUT[name]
    settings = {"validation": make_loader(), "limit_val_batches": 1}
    messages = fit(make_trainer, AnyBatch(), loader_of(Items()), CamLogger("grad-cam", num_images=12), **settings)
    assert len([text for text in messages if reason in text]) == 1
    tags = set(read_events().Tags()["images"]) - {"cam/overview", "cam/mistakes"}
    assert len(tags) == (8 if "size" in name else 11)


class UnusualValidation(NormalisedByType):
    """A classifier that ignores its validation data."""

    def validation_step(self, batch, batch_idx):
        pass


class Unread(DataLoader):
    """A data loader that yields nothing in validation."""

    def __iter__(self):
        return iter(())


FAILING = {
    "volumes": (
        Items(lambda image, label: (image[:, None].repeat(1, 2, 1, 1), label)),
        "the batch holds volumes or clips, .* give a function of the batch that returns one slice",
    ),
    "integers, normalised by type": (Items(integers), "predicts otherwise from floating-point copies of them"),
    "nothing that is an image": (
        Items(lambda image, label: (image.flatten(), label)),
        r"expected images, \(N, C, H, W\) of floats or integers.*say where they are with images=",
    ),
    "an item that is no tensor": (Items(lambda image, label: (object(), label)), "default_collate"),
    "only items that cannot be read": (Items(lambda image, label: 1 / 0), "ZeroDivisionError"),
    "an empty data set": (Items(size=0), "the data set yields no images"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_is_one_warning_and_changes_nothing(name, make_trainer):
    dataset, reason = FAILING[name]
    states = []
    for callbacks in ([], both()):
        L.seed_everything(0, verbose=False)
        module = UnusualValidation()
        settings = {"validation": Unread(dataset, batch_size=4), "max_epochs": 2}
        messages = fit(make_trainer, module, loader_of(Items()), *callbacks, **settings)
        states.append(module.state_dict())
    assert [text.split()[0] for text in messages] == ["CamLogger", "CamEvaluator"]
    assert all(re.search(reason, text) and "training goes on" in text for text in messages)
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_failing_validation_step_leaves_no_hooks(make_trainer):
    module = AnyBatch(lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_trainer(*both(), max_epochs=1).validate(module, loader_of(Items()), verbose=False)
    assert not module._forward_hooks
    assert not module._forward_pre_hooks


@pytest.mark.parametrize("method", ["group-cam", "gradient"])
def test_a_backbone_without_gradients_is_explained_by_group_cam_without_gradients(method, make_trainer, read_events):
    callbacks = both(num_images=3, explainer=method)
    messages = fit(make_trainer, FrozenBackbone(), loader_of(Items()), *callbacks)
    assert [text.split(":")[0] for text in messages] == ["CamLogger", "CamEvaluator"]
    assert all(f"of group-cam without gradients instead of {method}, because no gradient" in text for text in messages)
    events = read_events()
    assert events.Scalars("cam/constant_maps")[-1].value == 0
    assert {"cam/overview", "cam_eval/average_drop"} <= {*events.Tags()["images"], *events.Tags()["scalars"]}


def test_a_method_without_gradients_explains_a_frozen_backbone(make_trainer, read_events):
    callbacks = both(num_images=3, explainer="score-cam")
    assert fit(make_trainer, FrozenBackbone(), loader_of(Items()), *callbacks) == []
    assert len(read_events().Images("cam/overview")) == 1


def test_truth_values_of_a_model_with_one_logit(make_trainer, read_events):
    loader = loader_of(Items(lambda image, label: (image, torch.tensor([float(label == 1)]))))
    assert fit(make_trainer, OneLogit(), loader, *both()) == []
    tags = {tag.split("/")[1] for tag in read_events().Tags()["images"]}
    assert tags == {"overview", "mistakes", "left", "middle"}


def test_several_labels(make_trainer, read_events):
    positives = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    loader = loader_of(Items(lambda image, label: (image, positives[label])))
    module = SeveralLabels()
    assert fit(make_trainer, module, loader, CamLogger("grad-cam", num_images=12)) == []
    events = read_events()
    assert {tag.split("/")[1] for tag in events.Tags()["images"]} == {
        "overview",
        "mistakes",
        "left",
        "middle",
        *"258",
        "11",
    }
    probabilities = module.eval()(torch.stack([Blobs(12)[index][0] for index in range(12)])).sigmoid()
    labelled = [probabilities[index][positives[index % 3] > 0].mean().item() for index in range(12) if index % 3 < 2]
    assert events.Scalars("cam/confidence")[0].value == pytest.approx(np.mean(labelled), abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "loss", "is_several"),
    [
        ({"multi_label": True}, None, True),
        ({}, torch.nn.BCEWithLogitsLoss(), True),
        ({"multi_label": False}, torch.nn.BCEWithLogitsLoss(), False),
        ({}, None, False),
    ],
)
def test_rows_with_one_label_each_of_a_model_for_several(settings, loss, is_several, make_trainer, read_events):
    loader = loader_of(Items(lambda image, label: (image, F.one_hot(torch.tensor(label), CLASSES).float())))
    module = SeveralLabels()
    module.loss = loss
    assert fit(make_trainer, module, loader, CamLogger("grad-cam", num_images=12, **settings)) == []
    logits = module.eval()(torch.stack([Blobs(12)[index][0] for index in range(12)]))
    probabilities = logits.sigmoid() if is_several else logits.softmax(dim=1)
    expected = probabilities[range(12), [index % 3 for index in range(12)]].mean().item()
    assert read_events().Scalars("cam/confidence")[0].value == pytest.approx(expected, abs=1e-3)


def test_each_of_several_labels_is_evaluated(make_trainer, read_events):
    positives = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    loader = loader_of(Items(lambda image, label: (image, positives[label])))
    module = SeveralLabels()
    assert fit(make_trainer, module, loader, CamEvaluator(["average_drop"], explainer="grad-cam", num_images=12)) == []
    images = torch.stack([Blobs(12)[index][0] for index in range(12)])
    predicted = module.eval()(images).argmax(dim=1).tolist()
    labels = {0: [0, 2], 1: [1]}
    pairs = [(index, label) for index in range(12) for label in labels.get(index % 3, [predicted[index]])]
    images = torch.stack([images[image] for image, _ in pairs])
    targets = torch.tensor([target for _, target in pairs])
    metric = AverageDrop()
    metric.update(module, images, GradCAM()(module, images, targets).maps, targets)
    logged = read_events().Scalars("cam_eval/average_drop")[-1].value
    assert logged == pytest.approx(float(metric.compute()["average_drop"]), abs=1e-4)


def test_negative_labels_are_unlabelled_and_wrong_ones_are_reported(make_trainer, read_events):
    module = UnusualValidation()
    loader = loader_of(Items(lambda image, label: (image, label if label else -100)))
    assert fit(make_trainer, module, loader_of(Items()), *both(num_images=12), validation=loader) == []
    assert "cam/0" in read_events().Tags()["images"]
    loader = loader_of(Items(lambda image, label: (image, label + 5)))
    messages = fit(make_trainer, module, loader_of(Items()), CamLogger("grad-cam"), validation=loader)
    assert [bool(re.search("takes the images as unlabelled: labels name class 7", text)) for text in messages] == [True]


def test_two_labels_that_agree_by_chance_in_one_image_are_ambiguous(make_trainer):
    loader = loader_of(Items(lambda image, label: (image, (label, label % 2))))
    module = AnyBatch(lambda batch: (batch[0], batch[1][0]))
    messages = fit(make_trainer, module, loader, CamLogger("grad-cam", num_images=12))
    assert [bool(re.search('two tensors of the batch could be the labels: "1.0"', text)) for text in messages] == [True]


def test_a_stream_of_several_sizes_is_shown_in_the_first_one(make_trainer, read_events):
    loader = DataLoader(SeveralSizes(), batch_size=None)
    module = AnyBatch()
    module.net = torch.nn.Sequential(*list(module.net)[:-2], torch.nn.AdaptiveAvgPool2d(12), *list(module.net)[-2:])
    assert fit(make_trainer, module, loader, CamLogger("grad-cam", num_images=3)) == []
    assert len(set(read_events().Tags()["images"]) - {"cam/overview", "cam/mistakes"}) == 3


def test_images_and_labels_by_selectors(make_trainer, read_events):
    def change(image, label):
        return {"far": image.flip(2), "near": image, "a": label, "b": 2 - label}

    loader = loader_of(Items(change))
    module = AnyBatch(lambda batch: (batch["near"], batch["b"]))
    callbacks = both(num_images=12, images="near", labels=lambda batch: batch["b"])
    assert fit(make_trainer, module, loader, *callbacks) == []
    assert "cam/right/0" in read_events().Tags()["images"]


def test_several_validation_loaders(make_trainer, read_events, caplog):
    loaders = [loader_of(Items()), loader_of(Items(lambda image, label: (image, 2 - label)))]
    with caplog.at_level("INFO"):
        assert fit(make_trainer, AnyBatch(), loader_of(Items()), *both(loader=1), validation=loaders) == []
    assert "CamLogger: the images are of loader '1', one of 0, 1; choose another with loader=" in caplog.text
    assert "cam/right/0" in read_events().Tags()["images"]


def test_training_loaders_of_labelled_and_unlabelled_images(make_trainer, read_events):
    loaders = {"unlabelled": loader_of(Items(lambda image, label: image)), "labelled": loader_of(Items())}
    module = AnyBatch(lambda batch: batch["labelled"])
    trainer = make_trainer(*both(loader="labelled"), max_epochs=1)
    trainer.fit(module, loaders)
    assert "cam/left/0" in read_events().Tags()["images"]
    make_trainer(*both(), max_epochs=1, version="1").fit(module, loaders)
    assert "cam/0" in read_events("1").Tags()["images"]


def test_a_loader_that_is_an_iterator_is_left_to_the_trainer(make_trainer):
    batches = list(loader_of(Items()))
    module = AnyBatch()
    trainer = make_trainer(CamLogger("grad-cam"), max_epochs=1)
    with pytest.warns(UserWarning, match="is an iterator, and reading images from it would take them away"):
        trainer.fit(module, iter(batches))
    assert len(module.seen) == 3
