from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import ModelCheckpoint
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from camaug.augmentation.zoom import Zoom
from camaug.training.image_classifier import ImageClassifier
from camaug.training.load_weights import load_weights
from tests.training.small_models import copy_of

pytestmark = [
    # Both depend on the machine that the tests run on: its number of cores, and whether it has a GPU.
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:GPU available but not used"),
]


def classifier(seed: int = 0, **settings: Any) -> ImageClassifier:
    torch.manual_seed(seed)
    return ImageClassifier(**{"name": "test_resnet", "num_classes": 3, "schedule": "constant", **settings})


def loader(count: int = 8, batch_size: int = 4, num_classes: int = 3) -> DataLoader:
    images = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return DataLoader(TensorDataset(images, torch.arange(count) % num_classes), batch_size=batch_size)


def trainer(**settings: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return L.Trainer(**{**quiet, "enable_checkpointing": False, "max_epochs": 1, **settings})


def changed(model: nn.Module, before: dict[str, Tensor]) -> list[str]:
    return [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]


class LearningRates(L.Callback):
    """Records the learning rates that each step of the optimiser uses."""

    def __init__(self) -> None:
        self.seen: list[list[float]] = []

    def on_before_optimizer_step(self, trainer: L.Trainer, module: L.LightningModule, optimizer: Any) -> None:
        self.seen.append([group["lr"] for group in optimizer.param_groups])


def learning_rates(model: ImageClassifier, train: DataLoader, **settings: Any) -> list[list[float]]:
    rates = LearningRates()
    trainer(callbacks=[rates], limit_val_batches=0, **settings).fit(model, train, train)
    return rates.seen


# Optimisers and groups of parameters


@pytest.mark.parametrize(
    ("settings", "names", "rates"),
    [
        ({"lr": 0.1, "head_lr": 0.5}, ["backbone", "head"], [0.1, 0.5]),
        ({"lr": 0.1}, ["backbone", "head"], [0.1, 0.1]),
        ({"lr": 0.1, "head_lr": 0.0}, ["backbone", "head"], [0.1, 0.0]),
        ({"lr": 0.1, "head_lr": 0.5, "freeze_backbone": True}, ["head"], [0.5]),
    ],
)
@pytest.mark.parametrize(
    "model",
    [
        {},
        {"name": "deit_tiny_distilled_patch16_224", "model_args": {"img_size": 32, "depth": 1}},
        {"name": "torchvision/squeezenet1_1"},
    ],
    ids=["resnet", "two heads", "convolutional head"],
)
def test_each_trained_parameter_is_in_one_group_with_its_rate(
    model: dict[str, Any], settings: dict[str, Any], names: list[str], rates: list[float]
) -> None:
    module = classifier(**model, **settings)
    fit = trainer(max_steps=1, max_epochs=-1, limit_val_batches=0)
    fit.fit(module, loader(), loader())
    groups = fit.optimizers[0].param_groups
    assert [group["name"] for group in groups] == names
    assert [group["lr"] for group in groups] == rates
    given = sorted(id(parameter) for group in groups for parameter in group["params"])
    assert given == sorted(id(parameter) for parameter in module.parameters() if parameter.requires_grad)
    head_names = ("fc.", "head.", "head_dist.", "classifier.1.")
    head = [parameter for name, parameter in module.model.named_parameters() if name.startswith(head_names)]
    assert {id(parameter) for parameter in groups[-1]["params"]} == {id(parameter) for parameter in head}


def test_sgd_has_its_momentum_and_weight_decay() -> None:
    fit = trainer(limit_val_batches=0)
    fit.fit(classifier(momentum=0.8, weight_decay=0.03), loader(), loader())
    assert type(fit.optimizers[0]) is torch.optim.SGD
    assert {(group["momentum"], group["weight_decay"]) for group in fit.optimizers[0].param_groups} == {(0.8, 0.03)}


def test_adamw_has_its_weight_decay() -> None:
    fit = trainer(limit_val_batches=0)
    fit.fit(classifier(optimizer="adamw", weight_decay=0.03), loader(), loader())
    assert type(fit.optimizers[0]) is torch.optim.AdamW
    assert {group["weight_decay"] for group in fit.optimizers[0].param_groups} == {0.03}


def test_a_learning_rate_for_the_head_changes_only_the_head() -> None:
    module = classifier(lr=0.0, head_lr=0.1)
    before = copy_of(module.model)
    trainer(limit_val_batches=0).fit(module, loader(), loader())
    moved = [name for name in changed(module.model, before) if "running" not in name and "tracked" not in name]
    assert moved == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam"}, r"`optimizer` must be 'sgd' or 'adamw', got 'adam', did you mean 'adamw'"),
        ({"schedule": "cosin"}, r"`schedule` must be .*, got 'cosin', did you mean 'cosine'"),
        ({"label_smoothing": 1.0}, r"`label_smoothing` must be in \[0, 1\), got 1.0"),
        ({"label_smoothing": -0.1}, r"`label_smoothing` must be in \[0, 1\), got -0.1"),
        ({"lr": float("inf")}, r"`lr` must be at least 0, and finite, got inf"),
        ({"lr": -1e-3}, r"`lr` must be at least 0, and finite, got -0.001"),
        ({"head_lr": -1.0}, r"`head_lr` must be at least 0, and finite, got -1.0"),
        ({"mixup_alpha": -0.2}, r"`mixup_alpha` must be at least 0, and finite, got -0.2"),
        ({"step_gamma": -0.1}, r"`step_gamma` must be at least 0, and finite, got -0.1"),
    ],
)
def test_an_impossible_setting_is_refused_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier(**settings)


# A frozen backbone


def test_a_frozen_backbone_keeps_its_weights_and_its_batch_norm() -> None:
    module = classifier(freeze_backbone=True, lr=0.1)
    trained = [name for name, parameter in module.model.named_parameters() if parameter.requires_grad]
    assert trained == ["fc.weight", "fc.bias"]
    before = copy_of(module.model)
    assert any("running_mean" in name for name in before)
    trainer(max_epochs=2).fit(module, loader(), loader())  # with a validation before, between and after
    assert changed(module.model, before) == ["fc.weight", "fc.bias"]


def test_a_free_backbone_changes_whole() -> None:
    module = classifier(lr=0.1)
    before = copy_of(module.model)
    trainer(max_epochs=2).fit(module, loader(), loader())
    assert changed(module.model, before) == list(before)


def test_a_frozen_backbone_rests_while_its_head_changes_mode() -> None:
    module = classifier(freeze_backbone=True).train()
    assert module.training
    assert module.model.fc.training
    assert not any(m.training for name, m in module.model.named_modules() if name != "fc")
    module.eval()
    assert not module.model.fc.training
    free = classifier().train()
    assert all(m.training for m in free.modules())


# Schedules, step by step


def test_cosine_with_warm_up_step_by_step() -> None:
    # Two steps an epoch. One epoch of warm-up: 0, 1/2. Then 1/2 (1 + cos(pi t / 2)) at t = 0, 1/2, 1, 3/2 epochs.
    module = classifier(schedule="cosine", warmup_epochs=1, lr=0.1, head_lr=1.0)
    factors = [0.0, 0.5, 1.0, 0.8535533906, 0.5, 0.1464466094]
    seen = learning_rates(module, loader(8, 4), max_epochs=3)
    assert [head for _, head in seen] == pytest.approx(factors)
    assert [backbone for backbone, _ in seen] == pytest.approx([0.1 * factor for factor in factors])


def test_step_schedule_step_by_step() -> None:
    module = classifier(schedule="step", step_epochs=1, step_gamma=0.1, lr=1.0)
    seen = learning_rates(module, loader(8, 4), max_epochs=3)
    assert [backbone for backbone, _ in seen] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_constant_schedule_needs_no_end() -> None:
    seen = learning_rates(classifier(schedule="constant", lr=0.5), loader(8, 4), max_epochs=-1, max_steps=3)
    assert seen == [[0.5, 0.5]] * 3


def test_the_step_schedule_counts_whole_epochs_of_accumulated_batches() -> None:
    # 5 batches accumulated by twos are 3 steps an epoch: 2 + 2 + 1.
    module = classifier(schedule="step", step_epochs=1, step_gamma=0.1, lr=1.0)
    seen = learning_rates(module, loader(10, 2), max_epochs=2, accumulate_grad_batches=2)
    assert [backbone for backbone, _ in seen] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1])


def test_cosine_ends_at_the_last_step_of_accumulated_batches() -> None:
    # 4 steps in all: 1/2 (1 + cos(pi k / 4)).
    seen = learning_rates(classifier(schedule="cosine", lr=1.0), loader(16, 4), max_epochs=2, accumulate_grad_batches=2)
    assert [backbone for backbone, _ in seen] == pytest.approx([1.0, 0.8535533906, 0.5, 0.1464466094])


def test_cosine_over_a_number_of_steps() -> None:
    # `max_steps` without `max_epochs`: Lightning has not counted the batches when it creates the optimiser.
    seen = learning_rates(classifier(schedule="cosine", lr=1.0), loader(8, 4), max_epochs=-1, max_steps=4)
    assert [backbone for backbone, _ in seen] == pytest.approx([1.0, 0.8535533906, 0.5, 0.1464466094])


def test_warm_up_and_steps_over_a_number_of_steps() -> None:
    module = classifier(schedule="step", warmup_epochs=1, step_epochs=2, lr=1.0)
    seen = learning_rates(module, loader(8, 4), max_epochs=-1, max_steps=5)
    assert [backbone for backbone, _ in seen] == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.1])


def test_cosine_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cosine schedule needs an end: set trainer\.max_epochs"):
        learning_rates(classifier(schedule="cosine"), loader(), max_epochs=-1)


class Endless(IterableDataset):
    """Images without end, and without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        while True:
            yield torch.randn(3, 32, 32), 0


@pytest.mark.parametrize("settings", [{"schedule": "cosine"}, {"schedule": "step"}, {"warmup_epochs": 1}])
def test_a_schedule_in_epochs_is_refused_for_data_without_a_length(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"have no length.*limit_train_batches"):
        learning_rates(classifier(**settings), DataLoader(Endless(), 2), max_epochs=-1, max_steps=4)


def test_data_without_a_length_train_constantly_or_by_limited_epochs() -> None:
    endless = DataLoader(Endless(), 2)
    assert len(learning_rates(classifier(), endless, max_epochs=-1, max_steps=2)) == 2
    seen = learning_rates(
        classifier(schedule="cosine", lr=1.0), endless, max_epochs=-1, max_steps=4, limit_train_batches=2
    )
    assert [backbone for backbone, _ in seen] == pytest.approx([1.0, 0.8535533906, 0.5, 0.1464466094])


# Loss


class LabelSpy:
    """Records the labels that the cross-entropy is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.labels: list[Tensor] = []
        self.original = F.cross_entropy
        monkeypatch.setattr("camaug.training.image_classifier.F.cross_entropy", self)

    def __call__(self, logits: Tensor, labels: Tensor, **settings: Any) -> Tensor:
        self.labels.append(labels)
        return self.original(logits, labels, **settings)


def test_label_smoothing_is_only_in_the_training_loss() -> None:
    # Probabilities 1/4 and 3/4, label 1, smoothing 1/5: 4/5 of the label, 1/5 spread evenly over both classes.
    module = classifier(num_classes=2, label_smoothing=0.2, lr=0.0)
    module.model.forward = lambda x: torch.tensor([[0.0, math.log(3)]]).repeat(len(x), 1) + 0 * module.model.fc.bias
    data = DataLoader(TensorDataset(torch.zeros(4, 3, 32, 32), torch.ones(4, dtype=torch.long)), 4)
    fit = trainer()
    fit.fit(module, data, data)
    plain = -math.log(3 / 4)
    spread = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert fit.callback_metrics["train/loss"].item() == pytest.approx(0.8 * plain + 0.2 * spread)
    assert fit.callback_metrics["val/loss"].item() == pytest.approx(plain)


@pytest.mark.parametrize("settings", [{"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}], ids=["mixup", "cutmix"])
def test_training_with_mixed_images_has_soft_labels(
    settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = LabelSpy(monkeypatch)
    module = classifier(**settings)
    fit = trainer(num_sanity_val_steps=0)
    fit.fit(module, loader(12, 6), loader(6, 6))
    *train, validation = spy.labels
    assert len(train) == 2
    for labels in train:
        assert labels.shape == (6, 3)
        assert torch.allclose(labels.sum(dim=1), torch.ones(6))
        assert ((labels > 0) & (labels < 1)).any()
    assert torch.equal(validation, torch.arange(6) % 3)  # hard
    assert math.isfinite(fit.callback_metrics["train/loss"].item())


def test_without_mixing_labels_are_hard(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = LabelSpy(monkeypatch)
    trainer(limit_val_batches=0).fit(classifier(), loader(), loader())
    assert [labels.tolist() for labels in spy.labels] == [[0, 1, 2, 0], [1, 2, 0, 1]]


def kinds_of_mixing(module: ImageClassifier) -> set[str]:
    """Return the kinds of mixing, told apart by the values of constant images: mixup leaves one, CutMix two."""
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    kinds = set()
    for seed in range(30):
        torch.manual_seed(seed)
        mixed, _ = module.mix(images, torch.arange(4) % 3)
        if not torch.equal(mixed, images):
            kinds.add("mixup" if all(len(image.unique()) == 1 for image in mixed) else "cutmix")
    return kinds


def test_mixup_and_cutmix_take_turns_where_both_are_asked_for() -> None:
    assert kinds_of_mixing(classifier(mixup_alpha=1.0)) == {"mixup"}
    assert kinds_of_mixing(classifier(cutmix_alpha=1.0)) == {"cutmix"}
    assert kinds_of_mixing(classifier(mixup_alpha=1.0, cutmix_alpha=1.0)) == {"mixup", "cutmix"}


# Metrics


def coded(logits: Tensor, labels: list[int], **settings: Any) -> tuple[ImageClassifier, DataLoader]:
    """Return a classifier that reads its logits from the images' pixels, and a loader of images of these logits."""
    count, num_classes = logits.shape
    module = classifier(num_classes=num_classes, **settings)
    module.model.forward = lambda images: images[:, 0, 0, :num_classes]
    images = torch.zeros(count, 3, 32, 32)
    images[:, 0, 0, :num_classes] = logits
    return module, DataLoader(TensorDataset(images, torch.tensor(labels)), batch_size=2)


@pytest.mark.parametrize("stage", ["val", "test"])
def test_loss_and_accuracy_of_five_images_in_uneven_batches(stage: str) -> None:
    # Probability 8/10 for the predicted class, 1/10 for each of the others; three of five are right.
    predicted, labels = [0, 1, 2, 0, 1], [0, 1, 0, 1, 1]
    module, data = coded(math.log(8) * F.one_hot(torch.tensor(predicted), 3).float(), labels)
    evaluate = trainer().validate if stage == "val" else trainer().test
    (result,) = evaluate(module, data, verbose=False)
    assert result == {
        f"{stage}/accuracy": pytest.approx(3 / 5),
        f"{stage}/loss": pytest.approx((3 * -math.log(0.8) + 2 * -math.log(0.1)) / 5),
    }


def test_each_validation_counts_from_zero() -> None:
    module, right = coded(torch.eye(3), [0, 1, 2])
    _, wrong = coded(torch.eye(3), [1, 2, 0])
    fit = trainer()
    assert fit.validate(module, right, verbose=False)[0]["val/accuracy"] == 1.0
    assert fit.validate(module, wrong, verbose=False)[0]["val/accuracy"] == 0.0


@pytest.mark.parametrize("stage", ["val", "test"])
def test_top_five_is_logged_from_six_classes_on(stage: str) -> None:
    # The logits fall from class 0 to class 5, so that only class 5 is not among the first five.
    def run(num_classes: int, labels: list[int]) -> dict[str, float]:
        logits = torch.arange(num_classes, 0.0, -1.0).repeat(len(labels), 1)
        module, data = coded(logits, labels)
        evaluate = trainer().validate if stage == "val" else trainer().test
        return dict(evaluate(module, data, verbose=False)[0])

    six = run(6, [0, 1, 4, 5])
    assert six[f"{stage}/accuracy"] == pytest.approx(1 / 4)
    assert six[f"{stage}/accuracy_top5"] == pytest.approx(3 / 4)
    assert set(run(5, [0, 1, 4, 3])) == {f"{stage}/loss", f"{stage}/accuracy"}


# Prediction


def test_predictions_are_probabilities() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [math.log(4), 0.0], [0.0, 0.0]])
    module, data = coded(logits, [0, 0, 0])
    given = torch.cat(trainer().predict(module, data))
    assert torch.allclose(given, torch.tensor([[0.25, 0.75], [0.8, 0.2], [0.5, 0.5]]))
    assert torch.equal(module.predict_step(data.dataset.tensors[0], 0), given)  # images without labels


def test_forward_gives_logits() -> None:
    module = classifier().eval()
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(module(images), module.model(images))
    assert module(images).shape == (2, 3)


# Normalisation


class Data(L.LightningDataModule):
    def __init__(self, mean: Any = None) -> None:
        super().__init__()
        if mean is not None:
            self.mean = mean

    def val_dataloader(self) -> DataLoader:
        return loader()


def published(tmp_path: Path) -> dict[str, Any]:
    """Return arguments by which timm reads its pretrained weights from a file, not from the network."""
    path = tmp_path / "published.safetensors"
    save_file(copy_of(classifier(num_classes=1000).model), path)
    config = {"file": str(path), "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    return {"pretrained": True, "model_args": {"pretrained_cfg_overlay": config}}


@pytest.mark.filterwarnings("ignore:the pretrained weights have no head")
def test_another_mean_than_the_pretrained_weights_expect_is_a_warning(tmp_path: Path) -> None:
    module = classifier(**published(tmp_path))
    with pytest.warns(UserWarning, match=r"test_resnet expect .*\(0.1, 0.2, 0.3\).*\(0.5, 0.5, 0.5\): set data.mean"):
        trainer().validate(module, datamodule=Data([0.5, 0.5, 0.5]), verbose=False)


@pytest.mark.filterwarnings("ignore:the pretrained weights have no head")
@pytest.mark.parametrize("mean", [(0.1, 0.2, 0.3), [0.1, 0.2, 0.3], None], ids=["tuple", "list", "unknown"])
def test_the_expected_or_an_unknown_mean_is_no_warning(mean: Any, tmp_path: Path) -> None:
    # Warnings are errors here.
    trainer().validate(classifier(**published(tmp_path)), datamodule=Data(mean), verbose=False)
    trainer().validate(classifier(**published(tmp_path)), loader(), verbose=False)  # no data module


def test_measuring_pretrained_weights_with_a_random_head_is_a_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="the pretrained weights have no head of 3 classes, so the model predicts"):
        trainer().validate(classifier(**published(tmp_path)), loader(), verbose=False)


def test_a_model_from_scratch_has_no_expectation() -> None:
    trainer().validate(classifier(), datamodule=Data((0.25, 0.25, 0.25)), verbose=False)


# Checkpoints


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def trained(tmp_path: Path, **settings: Any) -> tuple[ImageClassifier, Path]:
    """Return a classifier after two epochs, and the checkpoint that `ModelCheckpoint` wrote of it."""
    module = classifier(**{"lr": 0.1, "schedule": "cosine", **settings})
    saver = ModelCheckpoint(tmp_path / "run", monitor="val/accuracy", mode="max", save_top_k=-1, save_last=True)
    trainer(max_epochs=2, callbacks=[saver], enable_checkpointing=True).fit(module, loader(), loader())
    return module.eval(), Path(saver.last_model_path)


def test_a_saved_classifier_loads_with_its_settings_and_its_logits(tmp_path: Path, images: Tensor) -> None:
    module, path = trained(tmp_path, head_lr=0.3, label_smoothing=0.1, mixup_alpha=0.5)
    loaded = ImageClassifier.load_from_checkpoint(path, weights_only=True).eval()
    assert torch.equal(loaded(images), module(images))
    assert dict(loaded.hparams) == dict(module.hparams)
    assert (loaded.head_lr, loaded.label_smoothing) == (0.3, 0.1)


def test_a_saved_classifier_trains_on_where_it_stopped(tmp_path: Path) -> None:
    first = trainer(max_epochs=2, limit_val_batches=0)
    first.fit(classifier(lr=0.1), loader(), loader())
    path = tmp_path / "stopped.ckpt"
    first.save_checkpoint(path)
    rates = LearningRates()
    again = trainer(max_epochs=4, callbacks=[rates], limit_val_batches=0)
    again.fit(classifier(lr=0.1), loader(), loader(), ckpt_path=path, weights_only=True)
    assert again.global_step == 8  # of two epochs before and two now, two steps each
    assert len(rates.seen) == 4


def test_a_lightning_checkpoint_loads_as_weights(tmp_path: Path, images: Tensor) -> None:
    module, path = trained(tmp_path)
    again = classifier(seed=7, checkpoint=str(path)).eval()
    assert torch.equal(again(images), module(images))


def test_a_lightning_checkpoint_of_other_classes_leaves_the_head_fresh(tmp_path: Path) -> None:
    module, path = trained(tmp_path)
    other = classifier(seed=7, num_classes=5)
    before = copy_of(other.model)
    assert sorted(load_weights(other.model, path)) == ["fc.bias", "fc.weight"]
    for name, tensor in other.model.state_dict().items():
        assert torch.equal(tensor, before[name] if name.startswith("fc.") else module.model.state_dict()[name]), name


def test_a_saved_classifier_needs_neither_the_network_nor_the_file_it_began_with(
    tmp_path: Path, images: Tensor
) -> None:
    module, path = trained(tmp_path, **published(tmp_path))
    (tmp_path / "published.safetensors").unlink()
    assert torch.equal(ImageClassifier.load_from_checkpoint(path, weights_only=True).eval()(images), module(images))
    assert module.hparams["pretrained"] is True  # the run itself still says how it began

    save_file(copy_of(module.model), tmp_path / "begin.safetensors")
    module, path = trained(tmp_path / "second", checkpoint=str(tmp_path / "begin.safetensors"))
    (tmp_path / "begin.safetensors").unlink()
    assert torch.equal(ImageClassifier.load_from_checkpoint(path, weights_only=True).eval()(images), module(images))


def test_hyperparameters_are_in_the_checkpoint(tmp_path: Path) -> None:
    _, path = trained(tmp_path, weight_decay=0.02)
    saved = torch.load(path, weights_only=True)["hyper_parameters"]
    assert (saved["name"], saved["num_classes"], saved["weight_decay"]) == ("test_resnet", 3, 0.02)


def test_channels_last_is_a_layout_and_nothing_else(tmp_path):
    images = torch.rand(2, 3, 32, 32)
    plain, other = (ImageClassifier("timm/test_resnet", 3, channels_last=last).eval() for last in (False, True))
    other.load_state_dict(plain.state_dict())
    weights = [module.weight for module in other.modules() if isinstance(module, nn.Conv2d)]
    assert any(w.is_contiguous(memory_format=torch.channels_last) and not w.is_contiguous() for w in weights)
    torch.testing.assert_close(other(images), plain(images), rtol=1e-4, atol=1e-5)


def test_labels_that_are_mixed_already_are_not_mixed_again():
    module = ImageClassifier("timm/test_resnet", 3, mixup_alpha=0.2)
    with pytest.raises(ValueError, match=r"the labels are mixed already, .* set mixup_alpha and cutmix_alpha to 0"):
        module.training_step((torch.rand(2, 3, 32, 32), torch.full((2, 3), 1 / 3)), 0)


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_zoom_evaluates_the_mean_of_both_views(stage: str) -> None:
    module = classifier(zoom="salient").eval()
    (values,) = getattr(trainer(), stage)(module, loader(), verbose=False)
    images, labels = (torch.cat(each) for each in zip(*loader(), strict=True))
    loss = F.cross_entropy(Zoom()(module, images), labels).item()
    assert values["val/loss" if stage == "validate" else "test/loss"] == pytest.approx(loss, rel=1e-4)


def test_zoom_predicts_the_mean_probabilities() -> None:
    module = classifier(zoom="flip").eval()
    images = torch.cat([batch[0] for batch in loader()])
    with torch.no_grad():
        expected = (module(images).softmax(1) + module(images.flip(-1)).softmax(1)) / 2
    torch.testing.assert_close(torch.cat(trainer().predict(module, loader())), expected)


def test_zoom_can_be_set_for_a_checkpoint_without_it(tmp_path: Path) -> None:
    run = trainer(enable_checkpointing=True, default_root_dir=tmp_path, limit_train_batches=1)
    run.fit(classifier(), loader())
    module = ImageClassifier.load_from_checkpoint(run.checkpoint_callback.best_model_path, zoom="centre")
    assert module.zoom == Zoom("centre")
