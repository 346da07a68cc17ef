from __future__ import annotations

import dataclasses
import io
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from camaug import GroupCAM, GroupCamTransform
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.augmentation.recipes.keep_salient import KeepSalient
from camaug.augmentation.recipes.random_mask import RandomMask
from camaug.augmentation.recipes.snapmix import SnapMix
from camaug.callbacks import GroupCamAugmentation
from camaug.callbacks._augmentation.expected_cost import ExpectedCost
from camaug.functional.pair_consistency import pair_consistency
from tests.toys import FakeClock, ToyClassifier, certain_recipe

EXPLAINER = GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)


def augmentation(**settings) -> GroupCamAugmentation:
    chosen = {"preset": "paper", "blur_kernel_size": 5, "blur_sigma": 5.0, **settings}
    return GroupCamAugmentation(EXPLAINER, **chosen)


class Pair(NamedTuple):
    images: torch.Tensor
    labels: torch.Tensor

    def __getitem__(self, item):
        return tuple.__getitem__(self, item)


@dataclasses.dataclass
class Record:
    images: torch.Tensor
    labels: torch.Tensor
    weight: torch.Tensor

    def __getitem__(self, item):
        return (self.images, self.labels, self.weight)[item]


CONTAINERS = {
    "list": lambda images, labels: [images, labels],
    "tuple": lambda images, labels: (images, labels),
    "named tuple": lambda images, labels: Pair(images, labels),
    "dict": lambda images, labels: {"image": images, "label": labels, "name": ["a"] * len(images)},
    "data class": lambda images, labels: Record(images, labels, torch.ones(len(images))),
}


def untrained_loss(module):
    """Return a loss that does not change weights and batch-norm statistics."""
    return sum(parameter.sum() for parameter in module.parameters()) * 0


def read(batch, item):
    return batch[("image", "label")[item]] if isinstance(batch, dict) else batch[item]


@pytest.mark.parametrize("container", CONTAINERS)
def test_training_step_gets_the_transformed_images_in_the_same_container(container, module, dataset, make_trainer):
    handed_out = [CONTAINERS[container](dataset.images[:8], torch.tensor(dataset.targets[:8]))]
    before = dataset.images.clone()
    got = []

    def training_step(batch, batch_idx):
        got.append(batch)
        return untrained_loss(module)

    module.training_step = training_step
    loader = DataLoader(handed_out, batch_size=None, collate_fn=lambda batch: batch)
    make_trainer(augmentation(), max_epochs=2).fit(module, loader)
    assert all(type(batch) is type(handed_out[0]) for batch in got)
    expected, _ = GroupCamTransform(module, EXPLAINER, blur_kernel_size=5, blur_sigma=5.0)(
        before[:8], torch.tensor(dataset.targets[:8])
    )
    torch.testing.assert_close(read(got[0], 0), expected)
    assert not torch.equal(expected, before[:8])
    torch.testing.assert_close(read(got[1], 0), expected)  # the data set handed out the same tensors, unharmed
    assert torch.equal(dataset.images, before)
    assert read(handed_out[0], 0) is not read(got[0], 0)


def test_epochs_from_start_to_stop(module, loader, dataset, make_trainer):
    make_trainer(augmentation(start_epoch=1, stop_epoch=2), max_epochs=3).fit(module, loader)
    epochs = [torch.cat(module.seen[start : start + 3]) for start in (0, 3, 6)]
    assert torch.equal(epochs[0], dataset.images)
    assert not torch.equal(epochs[1], dataset.images)
    assert torch.equal(epochs[2], dataset.images)


def test_share_of_the_images(module, loader, dataset, make_trainer):
    make_trainer(augmentation(share=0.5), max_epochs=4).fit(module, loader)
    difference = torch.cat(module.seen) - dataset.images.repeat(4, 1, 1, 1)
    changed = difference.abs().amax(dim=(1, 2, 3)) > 0
    assert 0.25 < changed.float().mean() < 0.75


def test_training_step_is_given_back(module, loader, make_trainer):
    make_trainer(augmentation()).fit(module, loader)
    assert "training_step" not in vars(module)
    module.training_step = own = lambda batch, batch_idx: module(batch[0]).sum() * 0
    make_trainer(augmentation()).fit(module, loader)
    assert module.training_step is own


def test_training_step_is_given_back_after_a_failure(module, loader, make_trainer):
    module.on_before_zero_grad = lambda optimizer: 1 / 0
    with pytest.raises(ZeroDivisionError):
        make_trainer(augmentation()).fit(module, loader)
    assert "training_step" not in vars(module)
    assert all(not part._forward_hooks for part in module.modules())


def test_first_batch_is_drawn_once(module, loader, dataset, make_trainer, read_events):
    make_trainer(augmentation(start_epoch=1), max_epochs=3).fit(module, loader)
    (event,) = read_events().Images("augmentation/first_batch")
    drawing = np.asarray(Image.open(io.BytesIO(event.encoded_image_string))).astype(float) / 255
    assert event.step == len(loader)  # the first step of epoch 1
    assert drawing.shape[1] == 2 * (4 * 144 + 3 * 4) + 4
    original = torch.nn.functional.interpolate(dataset.images[:1], scale_factor=6, mode="bicubic").clamp(0, 1)[0]
    difference = np.abs(drawing[:144, :144].transpose(2, 0, 1) - original.numpy())
    assert difference.mean() < 0.03  # of a JPEG
    mask = drawing[10:134, 2 * 148 + 10 : 2 * 148 + 134]
    assert ((mask < 0.05) | (mask > 0.95)).mean() > 0.75


def test_share_of_step_time_is_logged_and_can_be_monitored(module, loader, make_trainer, read_events, monkeypatch):
    # Each step reads the clock four times: at its start and end and, between them, around the augmentation.
    monkeypatch.setattr("camaug.callbacks._trainer.stopwatch.time", FakeClock(tick=1.0))
    trainer = make_trainer(augmentation(), max_epochs=2)
    trainer.fit(module, loader)
    values = [event.value for event in read_events().Scalars("augmentation/step_time_share")]
    assert values == pytest.approx([1 / 3] * 2)
    assert float(trainer.callback_metrics["augmentation/step_time_share"]) == pytest.approx(values[-1], abs=1e-4)


def test_manual_optimisation(module, loader, dataset, make_trainer):
    module.automatic_optimization = False
    step = module.training_step

    def training_step(batch, batch_idx):
        optimizer = module.optimizers()
        optimizer.zero_grad()
        module.manual_backward(step(batch, batch_idx))
        optimizer.step()

    module.training_step = training_step
    make_trainer(augmentation(), max_epochs=1).fit(module, loader)
    assert not torch.equal(torch.cat(module.seen), dataset.images)


def test_soft_labels_are_explained_at_their_most_probable_class(module, dataset, make_trainer):
    hard = torch.tensor(dataset.targets[:8])
    soft = torch.nn.functional.one_hot(hard, 3) * 0.7 + 0.1
    module.training_step = lambda batch, batch_idx: module.seen.append(batch[0]) or untrained_loss(module)
    for labels in (hard, soft):
        make_trainer(augmentation(), max_epochs=1).fit(
            module, DataLoader([(dataset.images[:8], labels)], batch_size=None)
        )
    assert torch.equal(module.seen[0], module.seen[1])


def test_low_precision(module, loader, make_trainer):
    make_trainer(augmentation(), precision="bf16-mixed", max_epochs=1).fit(module, loader)
    assert module.seen[0].dtype == torch.float32
    assert all(torch.isfinite(images).all() for images in module.seen)
    module.seen.clear()
    make_trainer(augmentation(), precision="bf16-true", max_epochs=1).fit(module, loader)
    assert module.seen[0].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 1.2}, "`share` must be between 0 and 1, got 1.2"),
        ({"start_epoch": -1}, "`start_epoch` must be at least 0, got -1"),
        ({"start_epoch": 3, "stop_epoch": 3}, r"`stop_epoch` must be after `start_epoch` \(3\), or None, got 3"),
        ({"explainer": "group"}, "unknown explainer 'group'"),
        ({"ramp_epochs": -1}, "`ramp_epochs` must be at least 0, got -1"),
        ({"blur_kernel_size": 50}, "`blur_kernel_size` must be a positive odd number of pixels, got 50"),
        ({"blur_sigma": 0}, "`blur_sigma` must be a positive number of pixels, got 0"),
        ({"consistency": -1.0}, "`consistency` must be at least 0, got -1.0"),
        ({"recipe": "pared"}, "unknown recipe 'pared', did you mean 'paired'"),
    ],
)
def test_wrong_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        GroupCamAugmentation(**settings)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (GroupCamAugmentation(GroupCAM(layer="net.conv"), start_epoch=1), "has no layer 'net.conv'"),
        (GroupCamAugmentation(GroupCAM(groups=20), start_epoch=1), "between 1 and the layer's 8 channels, got 20"),
    ],
)
def test_what_cannot_work_is_an_error_before_training_for_any_first_epoch(
    callback, message, module, loader, make_trainer
):
    with pytest.raises(ValueError, match=message):
        make_trainer(callback).fit(module, loader)
    assert module.seen == []


def test_a_batch_without_labels_is_an_error(module, dataset, make_trainer):
    with pytest.raises(ValueError, match="expected labels beside the 8 images"):
        make_trainer(augmentation()).fit(module, DataLoader(dataset.images, batch_size=8))


# Recipes, presets and schedules


def test_presets():
    default = GroupCamAugmentation()
    assert (default.recipe, default.share, default.strength) == (HideSalient(), 0.5, 1.0)
    paper = GroupCamAugmentation(preset="paper")
    assert (paper.recipe, paper.share, paper.strength) == (KeepSalient(), 1.0, 1.0)
    changed = GroupCamAugmentation(preset="paper", share=0.25, recipe=RandomMask(cells=4))
    assert (changed.recipe, changed.share, changed.strength) == (RandomMask(cells=4), 0.25, 1.0)
    with pytest.raises(ValueError, match="`preset` must be 'default' or 'paper', got 'papers', did you mean 'paper'"):
        GroupCamAugmentation(preset="papers")


def test_the_share_rises(module, loader, make_trainer, read_events):
    callback = augmentation(share=0.9, start_epoch=1, ramp_epochs=2)
    shares = []
    module.on_train_batch_end = lambda *_: shares.append(callback._transform.share)
    make_trainer(callback, max_epochs=5).fit(module, loader)
    assert shares[3::3] == pytest.approx([0.3, 0.6, 0.9, 0.9])
    logged = [event.value for event in read_events().Scalars("augmentation/share")]
    assert logged == pytest.approx([0, 0.3, 0.6, 0.9, 0.9])


def test_mixed_labels_reach_the_training_step(module, loader, make_trainer, read_events):
    labels = []
    step = module.training_step
    module.training_step = lambda batch, batch_idx: labels.append(batch[1]) or step(batch, batch_idx)
    make_trainer(augmentation(recipe=SnapMix(probability=1.0)), max_epochs=1).fit(module, loader)
    assert all(given.shape == (8,) and isinstance(given, MixedLabels) for given in labels)
    assert all(given.label_mix.use.is_function for given in labels)
    assert any((given.label_mix.own < 1).any() for given in labels)
    assert read_events().Images("augmentation/first_batch")


def test_paired_adds_its_term_to_the_loss(module, loader, dataset, make_trainer, read_events):
    """The loss that is optimised is the step's own and the term, by the logits of this very step."""
    optimised = []
    module.on_before_backward = lambda loss: optimised.append(loss.item())
    logits_of_steps = []
    module.register_forward_hook(lambda m, i, o: logits_of_steps.append(o.detach()) if m.training else None)
    make_trainer(augmentation(recipe="paired", consistency=2.0), max_epochs=1).fit(module, loader)
    assert [len(images) for images in module.seen] == [16, 16, 16]
    torch.testing.assert_close(module.seen[0][:8], dataset.images[:8])
    terms = [pair_consistency(logits, torch.arange(8)).item() for logits in logits_of_steps]
    assert min(terms) > 0
    assert optimised == pytest.approx([loss + 2 * term for loss, term in zip(module.losses, terms, strict=True)])
    logged = [event.value for event in read_events().Scalars("augmentation/consistency")]
    assert logged == pytest.approx(terms, rel=1e-4)
    assert read_events().Images("augmentation/first_batch")
    assert len(module._forward_hooks) == 1  # the test's own


def test_paired_with_a_dict_as_result(module, loader, make_trainer):
    optimised = []
    module.on_before_backward = lambda loss: optimised.append(loss.item())
    step = module.training_step
    module.training_step = lambda batch, batch_idx: {"loss": step(batch, batch_idx), "more": 1}
    make_trainer(augmentation(recipe="paired"), max_epochs=1).fit(module, loader)
    assert all(whole > own for whole, own in zip(optimised, module.losses, strict=True))


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_trains(recipe, module, loader, dataset, make_trainer):
    make_trainer(augmentation(recipe=certain_recipe(recipe)), max_epochs=1).fit(module, loader)
    added = as_recipe(recipe).adds_masked_views
    assert [len(images) for images in module.seen] == [16 if added else 8] * 3
    seen = torch.cat([images[-8:] for images in module.seen])
    changed = (seen - dataset.images).abs().amax(dim=(1, 2, 3)) > 0
    assert changed.float().mean() > 0.4


class WithDict(ToyClassifier):
    """A module whose forward returns its logits in a dict."""

    def forward(self, images):
        self.passes = getattr(self, "passes", 0) + self.training
        return {"logits": self.net(images)}

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self(batch[0])["logits"], batch[1])


def test_the_consistency_term_takes_logits_from_the_output_without_a_second_pass(loader, make_trainer, read_events):
    module = WithDict()
    callback = augmentation(recipe="paired", forward=lambda module, images: module(images)["logits"])
    make_trainer(callback, max_epochs=1).fit(module, loader)
    assert module.passes == 3
    assert len(read_events().Scalars("augmentation/consistency")) == 3
    assert "forward" not in vars(module)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {},
            "recipe 'keep-salient' by group-cam, on 100% of the training images from epoch 0 on: a step takes "
            "about 2.8 times as long as without (about 6 forward passes for each explained image)",
        ),
        (
            {"preset": "default", "recipe": "paired", "stop_epoch": 4, "ramp_epochs": 2},
            "recipe 'paired' (view=hide-salient) by group-cam, on 50% of the training images from epoch 0 "
            "to 3, with a ramp of 2 epochs: a step takes about 2.4 times as long as without "
            "(about 6 forward passes for each explained image, 50% more images in a batch)",
        ),
        (
            {"recipe": "snapmix"},
            "recipe 'snapmix' (alpha=5, probability=0.5) by group-cam, on 100% of the training images from epoch 0 "
            "on, in 50% of the batches: a step takes about 1.9 times as long as without "
            "(about 6 forward passes for each explained image)",
        ),
        ({"recipe": "blur-everything"}, "recipe 'blur-everything', on 100% of the training images from epoch 0 on"),
    ],
)
@pytest.mark.filterwarnings("ignore:GroupCamAugmentation. the share of augmented images rises:UserWarning")
def test_one_line_announces_the_cost(settings, message, module, dataset, make_trainer, monkeypatch, caplog):
    cost = ExpectedCost(passes=6.0, steps=1.8)
    monkeypatch.setattr("camaug.callbacks._augmentation.announce.expected_cost", lambda *_: cost)
    with caplog.at_level("INFO"):
        make_trainer(augmentation(**settings), max_epochs=1).fit(module, DataLoader(dataset, batch_size=8))
    assert f"GroupCamAugmentation: {message}" in [record.message for record in caplog.records]


def test_mask_tune_is_for_the_last_epoch(module, loader, dataset, make_trainer):
    make_trainer(augmentation(recipe="mask-tune"), max_epochs=3).fit(module, loader)
    is_changed = [not torch.equal(torch.cat(module.seen[3 * n : 3 * n + 3]), dataset.images) for n in range(3)]
    assert is_changed == [False, False, True]


def test_mask_tune_finds_the_last_epoch_of_each_training_run(module, loader, make_trainer):
    callback = augmentation(recipe="mask-tune")
    for epochs in (2, 4):
        make_trainer(callback, max_epochs=epochs).fit(module, loader)
        assert callback.schedule.start_epoch == epochs - 1


@pytest.mark.filterwarnings("ignore:GroupCamAugmentation. nothing is augmented:UserWarning")
def test_augmentations_of_one_recipe_have_states_of_their_own(module, loader, make_trainer, tmp_path):
    early, late = augmentation(stop_epoch=1), augmentation(start_epoch=1)
    trainer = make_trainer(early, late, max_epochs=1)
    trainer.fit(module, loader)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    states = torch.load(tmp_path / "last.ckpt", weights_only=False)["callbacks"]
    assert early.state_key == "GroupCamAugmentation{'recipe': 'keep-salient'}"
    assert {early.state_key, late.state_key} <= set(states)


def test_mixing_one_image_is_a_warning(module, dataset, make_trainer):
    trainer = make_trainer(augmentation(recipe=SnapMix(probability=1.0)), max_epochs=1, limit_train_batches=1)
    with pytest.warns(UserWarning, match="this batch has one image, which stays as it is: set a larger batch size"):
        trainer.fit(module, DataLoader(dataset, batch_size=1))
