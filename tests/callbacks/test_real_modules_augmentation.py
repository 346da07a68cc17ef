"""The augmentation with the modules, batches and labels of real projects."""

from __future__ import annotations

import copy
import functools
import io
import pickle
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import tv_tensors

from camaug import GroupCAM, GroupCamTransform
from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.augmentation.recipes.paired import Paired
from camaug.augmentation.recipes.snapmix import SnapMix
from camaug.callbacks import GroupCamAugmentation
from camaug.callbacks.price_runner import PriceRunner
from camaug.functional.pair_consistency import pair_consistency
from tests.toys import CLASSES, Blobs, DropoutNet, TinyNet, ToyClassifier, certain_recipe, quiet_trainer

EXPLAINER = GroupCAM(groups=2, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
COUNT = 6
IMAGES = Blobs().images[:COUNT]
INDICES = torch.tensor([0, 1, 2, 0, 1, 2])
UNLABELLED = torch.tensor([0, -1, 2, -100, 1, 2])


def augmentation(**settings: Any) -> GroupCamAugmentation:
    usual = {"share": 1.0} if "preset" in settings else {"recipe": Paired(view="keep-salient"), "share": 1.0}
    return GroupCamAugmentation(EXPLAINER, **{**usual, "blur_kernel_size": 5, "blur_sigma": 5.0, **settings})


def fit(tmp_path, module, batches, *callbacks, **settings) -> L.Trainer:
    """Train one epoch on given batches."""
    trainer = quiet_trainer(tmp_path, *callbacks, **{"logger": False, "max_epochs": 1, **settings})
    loader = DataLoader(list(batches), batch_size=None, collate_fn=lambda batch: batch)
    trainer.fit(module, loader)
    return trainer


class Recording(L.LightningModule):
    """A module that records its batches and losses, and leaves the loss to a function of module and batch."""

    def __init__(self, loss=None, outputs: int = CLASSES) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.net[9] = nn.Linear(self.net[9].in_features, outputs)
        self.loss = loss
        self.batches: list[Any] = []
        self.optimised: list[float] = []
        self.own: list[float] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.batches.append(batch)
        loss = self.loss(self, batch)
        self.own.append(loss.item())
        return loss

    def on_before_backward(self, loss):
        self.optimised.append(loss.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


# Labels


def cross_entropy(module, batch):
    images, labels = batch
    labels = labels.squeeze(1) if labels.dim() == 2 and labels.shape[1] == 1 else labels
    if labels.is_floating_point():
        return -(labels * module(images).log_softmax(dim=1)).sum(dim=1).mean()
    return F.cross_entropy(module(images), labels.clamp(min=-1), ignore_index=-1)


def binary(module, batch):
    images, labels = batch
    return F.binary_cross_entropy_with_logits(module(images).reshape(labels.shape), labels.float())


def multi_label(module, batch):
    return F.binary_cross_entropy_with_logits(module(batch[0]), batch[1].float())


ONE_HOT = F.one_hot(INDICES, CLASSES)
SEVERAL = torch.tensor([[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]])
KINDS = {
    "indices": (INDICES, cross_entropy, CLASSES, []),
    "a column of indices": (INDICES[:, None], cross_entropy, CLASSES, []),
    "int32 indices": (INDICES[:, None].int(), lambda m, b: cross_entropy(m, (b[0], _long(b[1]))), CLASSES, []),
    "unlabelled images": (UNLABELLED, cross_entropy, CLASSES, [1, 3]),
    "unlabelled images in a column": (UNLABELLED[:, None], cross_entropy, CLASSES, [1, 3]),
    "whole numbers": (INDICES.double(), lambda m, b: cross_entropy(m, (b[0], b[1].long())), CLASSES, []),
    "truth values": (INDICES.clamp(max=1).float(), binary, 1, []),
    "a column of truth values": (INDICES.clamp(max=1).float()[:, None], binary, 1, []),
    "indices of one logit": (INDICES.clamp(max=1), binary, 1, []),
    "one-hot rows": (ONE_HOT.float(), cross_entropy, CLASSES, []),
    "float64 rows": (ONE_HOT.double(), cross_entropy, CLASSES, []),
    "soft rows": (0.7 * ONE_HOT + 0.1, cross_entropy, CLASSES, []),
    "several labels": (SEVERAL.float(), multi_label, CLASSES, [1, 4]),
    "several labels as integers": (SEVERAL, multi_label, CLASSES, [1, 4]),
}


def _long(labels):
    return labels if labels.is_floating_point() else labels.long()


@pytest.mark.parametrize("recipe", list_recipes())
@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_every_kind_train_with_every_recipe(kind, recipe, tmp_path):
    labels, loss, outputs, unlabelled = KINDS[kind]
    module = Recording(loss, outputs)
    rule = certain_recipe(recipe)
    fit(tmp_path, module, [(IMAGES, labels)], augmentation(recipe=rule))
    images, given = module.batches[0]
    # With negative class indices the shapes do not depend on the labels, and the loss ignores the views' labels, too.
    viewed = [n for n in range(COUNT) if n not in unlabelled or kind.startswith("unlabelled")]
    assert len(images) == (COUNT + len(viewed) if rule.adds_masked_views else COUNT) == len(given)
    assert torch.equal(images[unlabelled], IMAGES[unlabelled])
    assert given.dtype == labels.dtype
    assert given.shape[1:] == labels.shape[1:]
    assert isinstance(given, MixedLabels) == rule.mixes_labels
    if rule.adds_masked_views:
        assert torch.equal(given[COUNT:], labels[viewed])
        copies = [COUNT + viewed.index(n) for n in unlabelled if n in viewed]
        assert torch.equal(images[copies], IMAGES[unlabelled][: len(copies)])


@pytest.mark.filterwarnings("ignore:.*computes no loss of both labels")
@pytest.mark.parametrize("recipe", list_recipes())
def test_batches_without_labelled_images_pass_through(recipe, tmp_path):
    module = Recording(lambda m, batch: m(batch[0]).sum())
    batches = [(IMAGES, torch.full((COUNT,), -1)), (IMAGES, INDICES), (IMAGES, torch.full((COUNT,), -100))]
    fit(tmp_path, module, batches, augmentation(recipe=certain_recipe(recipe)))
    unchanged = [
        all(torch.equal(part, IMAGES[: len(part)]) for part in images.split(COUNT)) for images, _ in module.batches
    ]
    assert unchanged == [True, False, True]
    assert (module.batches[2][1] == -100).all()


def test_the_map_of_several_labels_is_the_maximum_of_theirs():
    network = TinyNet().eval()
    transform = GroupCamTransform(network, EXPLAINER, fast=False)
    labels = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0]])
    maps = transform.explain(IMAGES[:2], labels).maps
    each = EXPLAINER(network, IMAGES[:1], torch.tensor([[0, 3]])).maps
    torch.testing.assert_close(maps[0], each[0].amax(dim=0))
    assert not maps[1].any()


def test_the_term_of_several_labels_compares_sigmoids(tmp_path):
    logits = []
    module = Recording(multi_label)
    module.register_forward_hook(lambda m, i, output: logits.append(output.detach()) if m.training else None)
    trainer = fit(tmp_path, module, [(IMAGES, SEVERAL)], augmentation())
    index = torch.tensor([0, 2, 3, 5])
    expected = pair_consistency(logits[0], index, multilabel=True)
    torch.testing.assert_close(trainer.callback_metrics["augmentation/consistency"], expected)


def test_selectors_choose_images_and_labels(tmp_path):
    def loss(module, batch):
        return F.cross_entropy(module(batch["views"][1]), batch["meta"]["site"])

    batch = {"views": [IMAGES.flip(0), IMAGES], "meta": {"site": INDICES, "species": INDICES.flip(0)}}
    module = Recording(loss)
    fit(tmp_path, module, [batch], augmentation(preset="paper", images="views.1", labels="meta.site"))
    seen = module.batches[0]
    assert torch.equal(seen["views"][0], batch["views"][0])
    assert not torch.equal(seen["views"][1], IMAGES)
    with pytest.raises(ValueError, match=r"the batch, a dict, has no part 'meta.place'"):
        fit(tmp_path, Recording(loss), [batch], augmentation(labels="meta.place"))
    with pytest.raises(ValueError, match="gives a tensor that is not part of the batch"):
        fit(tmp_path, Recording(loss), [batch], augmentation(images=lambda b: b["views"][1] + 0, labels="meta.site"))


def test_late_batches_without_labels_are_one_warning_and_stay_as_they_are(tmp_path):
    module = Recording(lambda m, batch: m(batch[0]).sum())
    batches = [(IMAGES, INDICES), (IMAGES, ["?"] * COUNT), (IMAGES, INDICES + 5), (IMAGES, INDICES)]
    with pytest.warns(UserWarning, match="could not augment a batch of epoch 0, which stays as it is"):
        fit(tmp_path, module, batches, augmentation(preset="paper"))
    assert [torch.equal(batch[0], IMAGES) for batch in module.batches] == [False, True, True, False]


# Batches


@dataclass
class DataBatch:
    image: torch.Tensor
    label: torch.Tensor
    weight: torch.Tensor


class OwnBatch:
    def __init__(self, image, label) -> None:
        self.image, self.label = image, label

    def to(self, *args, **kwargs):
        return self


def weighted(module, batch):
    losses = F.cross_entropy(module(batch["image"]), batch["label"], reduction="none")
    assert len(batch["path"]) == len(batch["boxes"]) == len(losses)
    return (losses * batch["weight"]).mean() + module.table[batch["row"]].sum()


def test_everything_that_has_a_row_for_each_image_is_appended_with_the_masked_views(tmp_path):
    batch = {
        "image": IMAGES,
        "label": INDICES,
        "weight": torch.arange(6.0),
        "row": torch.arange(6),
        "path": [f"{n}.jpg" for n in range(6)],
        "boxes": [torch.zeros(n, 4) for n in range(6)],
        "temperature": torch.tensor(1.0),
        "names": ["left", "middle", "right"],
    }
    module = Recording(weighted)
    module.table = torch.zeros(6)
    fit(tmp_path, module, [batch], augmentation())
    seen = module.batches[0]
    assert torch.equal(seen["weight"], batch["weight"].repeat(2))
    assert seen["path"] == 2 * batch["path"]
    assert seen["names"] == batch["names"]
    assert len(batch["path"]) == 6


@pytest.mark.parametrize(
    "batch",
    [
        DataBatch(IMAGES, INDICES, torch.ones(COUNT)),
        SimpleNamespace(image=IMAGES, label=INDICES),
        OwnBatch(IMAGES, INDICES),
        {"data": {"image": tv_tensors.Image(IMAGES), "label": INDICES}, "epoch": 3},
    ],
    ids=lambda batch: type(batch).__name__,
)
@pytest.mark.parametrize("recipe", ["paired", "keep-salient", SnapMix(probability=1.0)])
def test_batch_classes_and_tensor_subclasses(batch, recipe, tmp_path):
    def loss(module, batch):
        images, labels = find_images_and_labels(batch)
        assert type(images) is torch.Tensor
        return F.cross_entropy(module(images), labels)

    module = Recording(loss)
    fit(tmp_path, module, [batch], augmentation(recipe=recipe))
    seen = module.batches[0]
    assert type(seen) is type(batch)
    assert not torch.equal(find_images_and_labels(seen).images[-COUNT:], IMAGES)
    assert torch.equal(find_images_and_labels(batch).images, IMAGES)


def test_the_unlabelled_loader_of_several_is_unchanged(tmp_path):
    def loss(module, batch):
        return F.cross_entropy(module(batch["labelled"][0]), batch["labelled"][1])

    module = Recording(loss)
    fit(tmp_path, module, [{"unlabelled": IMAGES.flip(0), "labelled": (IMAGES, INDICES)}], augmentation())
    seen = module.batches[0]
    assert torch.equal(seen["unlabelled"], IMAGES.flip(0))
    assert len(seen["labelled"][0]) == len(seen["labelled"][1]) == 12


# Steps


def two_views(module, batch):
    images, other, labels = batch
    logits = module(torch.cat([images, other])).chunk(2)
    return F.cross_entropy(logits[0], labels) + F.cross_entropy(logits[1], labels)


def called_twice(module, batch):
    images, labels = batch[0], batch[-1]
    first, second = module(images), module(images)
    return F.cross_entropy(first, labels) + F.mse_loss(first, second)


def with_teacher_first(module, batch):
    with torch.no_grad():
        teacher = module(batch[0])
    return F.mse_loss(module(batch[0]), teacher) + F.cross_entropy(module(batch[0]), batch[-1])


@pytest.mark.parametrize("loss", [two_views, called_twice, with_teacher_first])
def test_several_calls_and_views_have_a_consistency_term(loss, tmp_path):
    module = Recording(loss)
    fit(tmp_path, module, [(IMAGES, IMAGES.flip(3), INDICES)], augmentation())
    assert len(module.batches[0][1]) == 12
    assert module.optimised[0] > module.own[0]


def in_fixed_size(module, batch):
    images, labels = batch
    if len(images) != COUNT:
        raise RuntimeError(f"expected {COUNT} images, got {len(images)}")
    return F.cross_entropy(module(images), labels)


def test_a_step_of_fixed_batch_size_gets_masked_views_in_place_of_their_originals(tmp_path):
    module = Recording(in_fixed_size)
    with pytest.warns(UserWarning, match="works without it: masked views replace their originals") as caught:
        fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation())
    assert len(module.own) == 3
    assert sum("masked views replace" in str(each.message) for each in caught) == 1
    assert [len(batch[0]) for batch in module.batches] == [12, 6, 6, 6]
    assert not torch.equal(module.batches[-1][0], IMAGES)


def of_indices(module, batch):
    return F.cross_entropy(module(batch[0]), batch[1].view(len(batch[1])))


def test_a_loss_without_the_mixed_labels_is_one_warning(tmp_path, recwarn):
    module = Recording(lambda m, batch: m(batch[0]).sum())
    fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation(recipe=SnapMix(probability=1.0)))
    messages = [str(warning.message) for warning in recwarn if "no loss of both labels" in str(warning.message)]
    assert len(messages) == 1
    assert "recipe 'snapmix', so that what is pasted into an image does not count: use one of PyTorch's" in messages[0]


def refusing_mixed_labels(module, batch):
    if type(batch[1]) is not torch.Tensor:
        raise TypeError("expected a plain tensor")
    return of_indices(module, batch)


def test_a_step_that_refuses_mixed_labels_trains_without_them(tmp_path):
    module = Recording(refusing_mixed_labels)
    refusal = "fails on batches of the recipe 'snapmix' .* nothing is augmented from now on"
    with pytest.warns(UserWarning, match=refusal):
        fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation(recipe=SnapMix(probability=1.0)))
    assert len(module.own) == 3
    assert len(module.batches) == 4


def test_a_step_that_always_fails_raises_its_own_error(tmp_path):
    module = Recording(lambda m, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(tmp_path, module, [(IMAGES, INDICES)], augmentation())


class NoForward(L.LightningModule):
    """A module without forward whose step calls a submodule."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.teacher = DropoutNet()
        self.seen: list[torch.Tensor] = []
        self.optimised: list[float] = []
        self.own: list[float] = []

    def classify(self, images):
        with torch.no_grad():
            self.teacher(images)
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.seen.append(batch[0])
        loss = F.cross_entropy(self.classify(batch[0]), batch[1])
        self.own.append(loss.item())
        return loss

    def on_before_backward(self, loss):
        self.optimised.append(loss.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class BackboneAndHead(NoForward):
    """A module without forward whose step calls a backbone and a head."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(self.net)
        del self.net
        self.backbone, self.head = nn.Sequential(*layers[:9]), layers[9]

    def classify(self, images):
        return self.head(self.backbone(images))


@pytest.mark.parametrize("recipe", list_recipes())
def test_a_module_without_forward_is_augmented_from_the_second_batch_on(recipe, tmp_path):
    module = NoForward()
    fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation(recipe=certain_recipe(recipe)))
    assert torch.equal(module.seen[0], IMAGES)
    assert all(not torch.equal(images, IMAGES) for images in module.seen[1:])
    if as_recipe(recipe).adds_masked_views:
        assert all(whole > own for whole, own in zip(module.optimised[1:], module.own[1:], strict=True))


def test_a_backbone_and_a_head_need_a_forward_function(tmp_path):
    with pytest.raises(ValueError, match=r"it calls self.backbone, self.head: give forward="):
        fit(tmp_path, BackboneAndHead(), [(IMAGES, INDICES)], augmentation())


@pytest.mark.parametrize("recipe", list_recipes())
def test_a_forward_function_serves_every_recipe(recipe, tmp_path):
    module = BackboneAndHead()
    callback = augmentation(recipe=certain_recipe(recipe), forward=lambda m, images: m.head(m.backbone(images)))
    fit(tmp_path, module, 3 * [(IMAGES, INDICES)], callback)
    assert all(not torch.equal(images, IMAGES) for images in module.seen)
    if as_recipe(recipe).adds_masked_views:
        assert all(whole > own for whole, own in zip(module.optimised, module.own, strict=True))


def test_a_step_that_passes_its_module_by(tmp_path):
    module = Recording(lambda m, batch: F.cross_entropy(m.net(batch[0]), batch[1]))
    fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation())
    assert [whole > own for whole, own in zip(module.optimised, module.own, strict=True)] == [False, True, True]


class CallsForward(BackboneAndHead):
    """A module whose step calls forward itself, and copies itself between the call and the loss."""

    def forward(self, images):
        return super().classify(images)

    def classify(self, images):
        logits = self.forward(images)
        for copied in (copy.deepcopy(self), pickle.loads(pickle.dumps(self))):
            copied.head.bias.data.fill_(100.0)
            assert copied.forward(images).mean() > 50
        return logits


FORWARDS = {"none": None, "the module": lambda m, x: m(x), "its parts": lambda m, x: m.head(m.backbone(x))}


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_a_step_that_calls_forward_itself(forward, tmp_path):
    module = CallsForward()
    fit(tmp_path, module, 3 * [(IMAGES, INDICES)], augmentation(forward=forward))
    assert [whole > own for whole, own in zip(module.optimised, module.own, strict=True)] == [False, True, True]
    assert "forward" not in vars(module)


class HuggingFace(Recording):
    """A module that is called with the batch's keywords and returns a mapping."""

    def forward(self, *, pixel_values, labels=None):
        logits = self.net(pixel_values)
        return {"loss": None if labels is None else F.cross_entropy(logits, labels), "logits": logits}


class TakesBatch(Recording):
    """A module whose forward takes the batch."""

    def forward(self, batch):
        return self.net(batch["image"])


def test_a_forward_of_the_batch_needs_a_forward_function(tmp_path):
    module = TakesBatch(lambda m, batch: F.cross_entropy(m(batch), batch["label"]))
    batches = [{"image": IMAGES, "label": INDICES}]
    with pytest.raises(ValueError, match=r"forward fails when it is called with images alone.*IndexError.*forward="):
        fit(tmp_path, module, batches, augmentation(recipe="hide-salient"))
    forward = lambda m, images: m({"image": images})  # noqa: E731
    fit(tmp_path, module, batches, augmentation(recipe="hide-salient", forward=forward))
    assert len(module.own) == 1


def test_a_forward_of_keywords_alone_needs_a_forward_function(tmp_path):
    module = HuggingFace(lambda m, batch: m(**batch)["loss"])
    batches = [{"pixel_values": IMAGES, "labels": INDICES}]
    with pytest.raises(
        ValueError, match=r"it is forward\(\*, pixel_values, labels=None\): give forward=, a function of"
    ):
        fit(tmp_path, module, batches, augmentation())
    fit(tmp_path, module, batches, augmentation(recipe="blur-everything"))
    assert len(module.own) == 1


def test_a_forward_function_of_a_submodule_of_a_module_that_is_called(tmp_path):
    module = HuggingFace(lambda m, batch: m(**batch)["loss"])
    batches = 3 * [{"pixel_values": IMAGES, "labels": INDICES}]
    fit(tmp_path, module, batches, augmentation(forward=lambda m, images: m.net(images)))
    assert [whole > own for whole, own in zip(module.optimised, module.own, strict=True)] == [False, True, True]


@pytest.mark.parametrize("recipe", list_recipes())
def test_keywords_and_mappings(recipe, tmp_path):
    module = HuggingFace(lambda m, batch: m(**batch)["loss"])
    callback = augmentation(recipe=recipe, forward=lambda m, images: m(pixel_values=images)["logits"])
    fit(tmp_path, module, 2 * [{"pixel_values": IMAGES, "labels": INDICES}], callback)
    assert len(module.own) == 2
    if as_recipe(recipe).adds_masked_views:
        assert module.optimised[0] > module.own[0]


class Manual(Recording):
    """A module with manual optimisation."""

    def __init__(self, loss) -> None:
        super().__init__(loss)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, batch_idx))
        optimizer.step()


def test_manual_optimisation_has_masked_views_without_a_term(tmp_path):
    module = Manual(cross_entropy)
    with pytest.warns(UserWarning, match="adds no consistency term, because the module uses manual optimisation"):
        fit(tmp_path, module, 2 * [(IMAGES, INDICES)], augmentation())
    assert [len(batch[0]) for batch in module.batches] == [12, 12]


class WithIterator(Recording):
    """A module that fetches its batches itself."""

    def training_step(self, dataloader_iter):
        return super().training_step(next(dataloader_iter)[0], 0)


def test_a_step_that_fetches_its_batches_is_refused(tmp_path):
    with pytest.raises(ValueError, match="fetches it from a dataloader_iter: let it take batch and batch_idx"):
        fit(tmp_path, WithIterator(cross_entropy), [(IMAGES, INDICES)], augmentation())


# Copies


class Copying(L.Callback):
    """A callback that copies and pickles the module during training, and runs the copy's step."""

    def __init__(self) -> None:
        self.copies: list[L.LightningModule] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        copied = copy.deepcopy(pl_module)
        pickled = pickle.loads(pickle.dumps(pl_module))
        own = (IMAGES[:2] * 0.5, INDICES[:2])
        for each in (copied, pickled):
            each.zero_grad()
            before = pl_module.net[0].weight.grad
            each.training_step(own, 0).backward()
            assert each.net[0].weight.grad is not None
            assert pl_module.net[0].weight.grad is before
            assert torch.equal(each.seen[-1], own[0])
            assert "training_step" not in vars(each)
            torch.save(each, io.BytesIO())
        self.copies.append(copied)


def test_copies_train_on_their_own_weights_and_batch(tmp_path):
    copying = Copying()
    module = ToyClassifier()
    fit(
        tmp_path,
        module,
        2 * [(IMAGES, INDICES)],
        augmentation(),
        augmentation(recipe=SnapMix(probability=1.0)),
        copying,
    )
    assert len(copying.copies) == 2
    assert len(module.seen) == 2
    assert "training_step" not in vars(module)


class CopyingInside(ToyClassifier):
    """A module that copies itself in its step."""

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        copied = copy.deepcopy(self)
        assert copied(batch[0]).shape == (len(batch[0]), CLASSES)
        pickle.loads(pickle.dumps(self))(batch[0])
        return loss


def test_a_module_may_copy_itself_in_its_step(tmp_path):
    module = CopyingInside()
    trainer = fit(tmp_path, module, [(IMAGES, INDICES)], augmentation())
    assert trainer.callback_metrics["augmentation/consistency"] > 0


class Scripting(L.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        assert torch.jit.script(pl_module.net)(IMAGES).shape == (COUNT, CLASSES)
        assert not pl_module._forward_hooks
        assert not pl_module._forward_pre_hooks


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_networks_may_be_scripted_during_training(tmp_path):
    fit(tmp_path, ToyClassifier(), [(IMAGES, INDICES)], augmentation(), Scripting())


class Compiled(L.LightningModule):
    """A module whose step can be compiled as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.count = 0

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.count = len(batch[0])
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_step_gets_the_batch_and_the_term(tmp_path):
    module = Compiled()
    module.training_step = torch.compile(module.training_step, backend="eager")
    trainer = fit(tmp_path, module, 2 * [(IMAGES, INDICES)], augmentation())
    assert module.count == 12
    assert trainer.callback_metrics["augmentation/consistency"] > 0


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_module(tmp_path):
    module = Compiled()
    trainer = quiet_trainer(tmp_path, augmentation(), logger=False, max_epochs=1)
    loader = DataLoader([(IMAGES, INDICES)], batch_size=None)
    trainer.fit(torch.compile(module, backend="eager"), loader)
    assert module.count == 12
    assert trainer.callback_metrics["augmentation/consistency"] > 0


def test_a_training_step_that_is_an_attribute_of_the_instance_stays_in_place(tmp_path):
    module = ToyClassifier()
    module.training_step = own = functools.partial(ToyClassifier.training_step, module)
    fit(tmp_path, module, [(IMAGES, INDICES)], augmentation())
    assert module.training_step is own
    assert len(module.seen[0]) == 2 * COUNT


def test_several_optimisers_in_manual_optimisation(tmp_path):
    class TwoOptimisers(Manual):
        def training_step(self, batch, batch_idx):
            for optimizer in self.optimizers():
                optimizer.zero_grad()
                self.manual_backward(Recording.training_step(self, batch, batch_idx))
                optimizer.step()

        def configure_optimizers(self):
            layers = list(self.net)
            return [torch.optim.SGD(layer.parameters(), lr=0.01) for layer in (layers[0], layers[9])]

    module = TwoOptimisers(cross_entropy)
    fit(tmp_path, module, 2 * [(IMAGES, INDICES)], augmentation(preset="paper"))
    assert len(module.batches) == 4
    assert torch.equal(module.batches[0][0], module.batches[1][0])
    assert not torch.equal(module.batches[0][0], IMAGES)


def test_a_closure_that_runs_the_step_several_times(tmp_path):
    class WithLBFGS(Recording):
        def configure_optimizers(self):
            return torch.optim.LBFGS(self.parameters(), lr=0.01, max_iter=3)

    module = WithLBFGS(cross_entropy)
    fit(tmp_path, module, [(IMAGES, INDICES)], augmentation())
    assert len(module.own) > 1
    assert all(whole > own for whole, own in zip(module.optimised, module.own, strict=True))


# Several callbacks


@pytest.mark.parametrize(
    "recipes", [("paired", "keep-salient"), ("keep-salient", "paired"), ("paired", "paired-random")]
)
def test_the_second_augmentation_gets_the_batch_of_the_first(recipes, tmp_path):
    module = Recording(cross_entropy)
    fit(tmp_path, module, 2 * [(IMAGES, INDICES)], *(augmentation(recipe=recipe) for recipe in recipes))
    doublings = sum(as_recipe(recipe).adds_masked_views for recipe in recipes)
    assert [len(batch[0]) for batch in module.batches] == 2 * [COUNT * 2**doublings]
    assert module.optimised[0] > module.own[0]


def test_the_price_is_measured_beside_an_augmentation(tmp_path):
    module = Recording(cross_entropy)
    module.net = TinyNet()
    runner = PriceRunner(augmentation(), seconds=0.01)
    fit(tmp_path, module, 2 * [(IMAGES, INDICES[:, None])], runner, max_epochs=-1)
    assert runner.report is not None
    assert all(torch.equal(batch[0], IMAGES) for batch in module.batches)


# Precision


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_the_term_is_a_divergence_of_full_precision_in_every_precision(precision, tmp_path):
    module = Recording(cross_entropy)
    terms = []
    log = module.log
    module.log = lambda name, value: (terms.append(value) if "consistency" in name else None) or log(name, value)
    fit(tmp_path, module, 2 * [(IMAGES, INDICES)], augmentation(), precision=precision)
    assert [term.dtype for term in terms] == 2 * [torch.float64 if precision == "64-true" else torch.float32]
    assert all(0 <= term <= 0.6932 for term in terms)


def test_gradients_are_accumulated_over_augmented_steps(tmp_path):
    module = Recording(cross_entropy)
    fit(tmp_path, module, 4 * [(IMAGES, INDICES)], augmentation(), accumulate_grad_batches=2)
    assert [len(batch[0]) for batch in module.batches] == 4 * [12]


def test_a_compiled_network_takes_mixed_labels(tmp_path):
    module = ToyClassifier()
    module.net = torch.compile(module.net, backend="eager")
    labels = []
    step = module.training_step
    module.training_step = lambda batch, batch_idx: labels.append(batch[1]) or step(batch, batch_idx)
    fit(tmp_path, module, [(IMAGES, INDICES)], augmentation(recipe=SnapMix(probability=1.0)))
    assert labels[0].label_mix.use.is_function
