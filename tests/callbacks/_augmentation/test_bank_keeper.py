"""Training with maps from the saliency bank."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import warnings
from pathlib import Path

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from camaug import GroupCAM, GroupCamTransform
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.callbacks import GroupCamAugmentation
from camaug.callbacks._augmentation.bank_keeper import BankKeeper
from camaug.callbacks._augmentation.bank_quality import BankQuality
from camaug.callbacks._augmentation.expected_cost import ROUNDS, ExpectedCost
from camaug.callbacks._trainer.directory_lock import DirectoryLock
from camaug.datamodules import ShapesDataModule
from camaug.functional.masks import binarise, mask_iou
from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.processes import run_program
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, certain_recipe


class Counting(GroupCAM):
    """Counts the images that were explained."""

    explained = 0

    def __call__(self, model, images, *args, **settings):
        Counting.explained += len(images)
        return super().__call__(model, images, *args, **settings)


EXPLAINER = Counting(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
TRIED = (1 + ROUNDS) * 8  # images of the first batch, to warm up and to say what explaining costs


@pytest.fixture(autouse=True)
def none_explained():
    Counting.explained = 0


def augmentation(**settings) -> GroupCamAugmentation:
    defaults = {"preset": "paper", "blur_kernel_size": 5, "blur_sigma": 5.0, "refresh_every_n_epochs": 2, "fast": False}
    return GroupCamAugmentation(settings.pop("explainer", EXPLAINER), **{**defaults, **settings})


def loader(dataset: Dataset | None = None, **settings) -> DataLoader:
    return DataLoader(dataset or TransformedBlobs(), batch_size=8, **settings)


def scaled(module, images):
    return 2 * module(images)


class Reseeding(L.Callback):
    """A callback that seeds each epoch, so that a resumed run has the same random numbers."""

    def on_train_epoch_start(self, trainer, pl_module):
        torch.manual_seed(100 + trainer.current_epoch)


def bank_of(tmp_path, version: str = "0") -> SaliencyBank:
    return SaliencyBank(tmp_path / "run" / version / "bank")


def scalars(read_events, name: str, version: str = "0") -> list:
    events = read_events(version)
    return events.Scalars(name) if name in events.Tags()["scalars"] else []


class Saving(L.Callback):
    """A checkpoint after each epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.save_checkpoint(self.folder / f"epoch={trainer.current_epoch}.ckpt")


# What is explained, and when


@pytest.mark.parametrize("workers", [0, 2])
def test_maps_are_made_when_they_are_due_and_at_no_other_time(workers, module, make_trainer, tmp_path, capfd):
    counts = []

    class Counter(L.Callback):
        def on_train_batch_start(self, trainer, *_):
            counts.append(Counting.explained)

    data = loader(num_workers=workers, persistent_workers=workers > 0)
    trainer = make_trainer(augmentation(start_epoch=1), Counter(), max_epochs=5)
    trainer.fit(module, data)
    # The first batch is tried in any case, to say what it costs; then three images for the grid and all 24; then 8
    # of the first batch exactly, to measure; in epoch 3 the same but for the grid.
    first = TRIED + 3 + 24 + 8
    assert counts == [TRIED] * 3 + [first] * 6 + [first + 24 + 8] * 6
    bank = bank_of(tmp_path)
    assert bank.generations() == [1, 2]
    assert bank.record(2).grid == (12, 12)
    assert bank.record(2).classes == 3
    plain = torch.stack([data.dataset.images[index] for index in range(24)])
    flipped = plain.flip(-1)
    for start, changed in ((0, False), (3, True), (6, True), (12, True)):
        seen = torch.cat(module.seen[start : start + 3])
        same = [
            torch.equal(image, a) or torch.equal(image, b) for image, a, b in zip(seen, plain, flipped, strict=True)
        ]
        assert all(same) is not changed


def test_what_it_costs_is_spread_over_the_epochs_that_the_maps_serve(module, make_trainer, monkeypatch, caplog):
    cost = ExpectedCost(passes=6.0, steps=1.8)
    monkeypatch.setattr("camaug.callbacks._augmentation.announce.expected_cost", lambda *_: cost)
    with caplog.at_level("INFO"):
        make_trainer(augmentation(share=0.5), max_epochs=1).fit(module, loader())
    assert [record.message for record in caplog.records if "passes" in record.message] == [
        "GroupCamAugmentation: recipe 'keep-salient' by group-cam, on 50% of the training images from epoch 0 on: "
        "with a refresh every 2 epochs a step takes about 1.9 times as long as without (about 6 forward passes for "
        "each explained image)"
    ]


def test_old_maps_that_cannot_be_removed_are_a_warning(module, make_trainer, monkeypatch):
    def refused(self, numbers):
        raise PermissionError("read-only")

    monkeypatch.setattr(SaliencyBank, "keep_only", refused)
    with pytest.warns(UserWarning, match="could not compare or remove older maps; training goes on. PermissionError"):
        make_trainer(augmentation(), max_epochs=1).fit(module, loader())


def test_each_refresh_is_logged_in_one_line(module, make_trainer, tmp_path, caplog):
    with caplog.at_level("INFO"):
        make_trainer(augmentation(), max_epochs=3).fit(module, loader())
    messages = [record.message for record in caplog.records if "24 maps of 12×12 (0.0 MB) made in" in record.message]
    assert len(messages) == 2
    assert messages[1].endswith(str(bank_of(tmp_path).folder(2)))


def test_the_images_are_changed_by_the_maps_of_the_bank(module, make_trainer, monkeypatch):
    """The blend is by the carried maps: at the layer's resolution, of the whole image, flipped with it."""
    masks, before = [], []
    make_params = GroupCamTransform.make_params

    def noted(self, flat_inputs, maps=None):
        params = make_params(self, flat_inputs, maps)
        masks.append(params["regions"].masks)
        before.append(flat_inputs[0])
        return params

    monkeypatch.setattr(GroupCamTransform, "make_params", noted)
    module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), lr=0.0)
    module.train_dataloader = lambda: loader()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.0
    make_trainer(augmentation(), max_epochs=1).fit(module)
    plain = TransformedBlobs().images
    images, found = torch.cat(before), torch.cat(masks)
    flipped = torch.tensor([not torch.equal(image, own) for image, own in zip(images, plain, strict=True)])
    assert 4 < int(flipped.sum()) < 20
    exact = binarise(EXPLAINER(module, plain, torch.tensor(TransformedBlobs().targets)).maps)
    exact[flipped] = exact[flipped].flip(-1)
    same, mirrored = (mask_iou(masks, found)[~exact.all(dim=(1, 2))] for masks in (exact, exact.flip(-1)))
    assert same.median() > 0.95
    assert mirrored.median() < 0.8
    assert "train_dataloader" in vars(module)  # the user's own, put there by this test


@pytest.mark.parametrize("recipe", [name for name in list_recipes() if as_recipe(name).needs_maps])
def test_recipes(recipe, module, make_trainer, read_events):
    labels = []
    step = module.training_step
    module.training_step = lambda batch, batch_idx: labels.append(batch[1]) or step(batch, batch_idx)
    recipe = certain_recipe(recipe)
    make_trainer(augmentation(recipe=recipe, share=1.0), max_epochs=1).fit(module, loader())
    assert Counting.explained == 3 + 24 + 8 + TRIED
    assert [len(images) for images in module.seen] == [16 if recipe.adds_masked_views else 8] * 3
    assert all(given.shape == (len(images),) for given, images in zip(labels, module.seen, strict=True))
    assert read_events().Images("augmentation/first_batch")


def test_a_recipe_without_maps_makes_none(module, make_trainer, tmp_path):
    make_trainer(augmentation(recipe="blur-everything"), max_epochs=1).fit(module, loader())
    assert Counting.explained == 0
    assert not bank_of(tmp_path).directory.exists()


# What the user's own code sees


class Batch(dict):
    """A batch of the user's own kind."""


def own_collate(items):
    images, labels = zip(*items, strict=True)
    return Batch(image=torch.stack(images), label=torch.tensor(labels), names=[f"label {label}" for label in labels])


@pytest.mark.parametrize("workers", [0, 2])
def test_hooks_see_the_users_batches(workers, module, make_trainer):
    seen = []

    def after(batch, dataloader_idx):
        seen.append(batch)
        return batch

    module.on_after_batch_transfer = after
    module.training_step = lambda batch, batch_idx: F.cross_entropy(module(batch["image"]), batch["label"])
    data = loader(num_workers=workers, collate_fn=own_collate)
    trainer = make_trainer(augmentation(), max_epochs=2)
    trainer.fit(module, data)
    assert len(seen) == 1 + 3 + 6  # the refresh's passes through the hooks, as a batch of training does
    assert all(type(batch) is Batch and sorted(batch) == ["image", "label", "names"] for batch in seen)
    assert isinstance(data.dataset.transform, v2.RandomHorizontalFlip)
    assert "dataloader" not in vars(trainer.fit_loop._data_source)


@pytest.mark.parametrize(
    "settings",
    [
        {"limit_train_batches": 2},
        {"reload_dataloaders_every_n_epochs": 1},
        {"accumulate_grad_batches": 2},
        {"overfit_batches": 2},
        {"val_check_interval": 2},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_other_ways_to_run(settings, module, make_trainer, read_events):
    data = loader(num_workers=2, persistent_workers=True, shuffle="overfit_batches" not in settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "val_dataloader", lambda: loader(), raising=False)
        make_trainer(augmentation(), max_epochs=3, **settings).fit(module, data)
    assert [event.step for event in scalars(read_events, "augmentation/bank_iou")] != []
    assert len(scalars(read_events, "augmentation/bank_iou")) == 2


def test_the_refresh_does_not_change_the_random_numbers_of_training(make_trainer):
    """A refresh of maps that are then not used: the very training without augmentation."""
    weights = []
    for callbacks in ([], [augmentation(strength=0.0, refresh_every_n_epochs=1)]):
        L.seed_everything(1, verbose=False)
        module = ToyClassifier()
        make_trainer(*callbacks, max_epochs=3).fit(module, loader(shuffle=True))
        weights.append([*module.state_dict().values(), torch.tensor(module.losses), torch.rand(3)])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


def test_everything_is_given_back_after_a_failure(module, make_trainer):
    module.on_before_zero_grad = lambda optimizer: 1 / 0
    trainer = make_trainer(augmentation())
    data = loader()
    with pytest.raises(ZeroDivisionError):
        trainer.fit(module, data)
    assert "dataloader" not in vars(trainer.fit_loop._data_source)
    assert trainer.fit_loop._data_source.dataloader() is data


# Resuming


def train(make_trainer, folder: Path, version: str, epochs: int, resume: Path | None = None, **settings):
    L.seed_everything(3, verbose=False)
    module = ToyClassifier()
    callbacks = [augmentation(**settings), Reseeding(), Saving(folder)]
    trainer = make_trainer(*callbacks, max_epochs=epochs, version=version)
    trainer.fit(module, loader(shuffle=True), ckpt_path=resume, **({"weights_only": True} if resume else {}))
    return module


def states_equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("given", [False, True])
def test_resumed_is_uninterrupted_bit_for_bit(epoch, given, make_trainer, tmp_path):
    """Epoch 1: the next is a refresh. Epoch 2: the maps of its beginning serve on, by weights that are gone."""
    where = {"bank_dir": str(tmp_path / "bank")} if given else {}
    whole = train(make_trainer, tmp_path / "whole", "whole", 4)
    train(make_trainer, tmp_path / "part", "part", epoch + 1, **where)
    explained = Counting.explained
    resumed = train(make_trainer, tmp_path / "rest", "rest", 4, tmp_path / "part" / f"epoch={epoch}.ckpt", **where)
    assert states_equal(whole, resumed)
    refreshed = 24 + 8 if epoch == 1 else 0
    assert Counting.explained - explained == 3 + refreshed + TRIED
    assert not (tmp_path / "run" / "rest" / "bank").exists()


def test_a_run_resumed_in_another_folder_uses_the_old_maps(make_trainer, tmp_path):
    whole = train(make_trainer, tmp_path / "whole", "whole", 4)
    train(make_trainer, tmp_path / "part", "part", 3)
    where = {"bank_dir": str(tmp_path / "elsewhere")}
    resumed = train(make_trainer, tmp_path / "rest", "rest", 4, tmp_path / "part" / "epoch=2.ckpt", **where)
    assert states_equal(whole, resumed)
    assert SaliencyBank(tmp_path / "elsewhere").generations() == [1]


def test_resumed_in_the_middle_of_an_epoch(make_trainer, tmp_path):
    """on_train_epoch_start does not come again, and the maps are there all the same."""

    class InMidEpoch(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx == 1:
                trainer.save_checkpoint(tmp_path / "middle.ckpt")

    L.seed_everything(3, verbose=False)
    make_trainer(augmentation(), InMidEpoch(), max_epochs=1).fit(ToyClassifier(), loader())
    explained = Counting.explained
    module = ToyClassifier()
    make_trainer(augmentation(), max_epochs=1, version="1").fit(module, loader(), ckpt_path=tmp_path / "middle.ckpt")
    assert len(module.seen) > 0
    assert Counting.explained - explained == 3 + TRIED


@pytest.mark.parametrize("change", ["gone", "settings"])
def test_maps_that_cannot_be_reused_are_a_warning(change, make_trainer, tmp_path):
    train(make_trainer, tmp_path / "part", "part", 3)
    checkpoint = tmp_path / "part" / "epoch=2.ckpt"
    settings = {}
    if change == "gone":
        for path in bank_of(tmp_path, "part").directory.glob("00*/maps*"):
            path.write_bytes(path.read_bytes()[:-1])
    else:
        settings["explainer"] = Counting(groups=2, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    before = Counting.explained
    with pytest.warns(UserWarning, match="are no longer in .*part.bank, or their settings have changed"):
        train(make_trainer, tmp_path / "rest", "rest", 4, checkpoint, **settings)
    assert Counting.explained - before == 3 + 24 + 8 + TRIED


def test_a_new_run_reuses_only_maps_of_the_same_model_settings_and_data(make_trainer, tmp_path):
    where = {"bank_dir": str(tmp_path / "bank"), "refresh_every_n_epochs": 9}

    def explained(seed=3, dataset=None, tried=TRIED, **settings):
        before = Counting.explained
        L.seed_everything(seed, verbose=False)
        make_trainer(augmentation(**{**where, **settings}), max_epochs=1).fit(ToyClassifier(), loader(dataset))
        return Counting.explained - before - (3 + 8 + tried)  # the grid, the measured and the tried

    assert explained() == 24
    assert explained() == 0
    assert explained(recipe="hide-salient", share=0.5, tried=TRIED // 2) == 0  # the same maps, used otherwise
    assert explained(seed=4) == 24
    fewer = Counting(groups=2, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    assert explained(seed=4, explainer=fewer) == 24
    assert explained(seed=4, explainer=fewer, forward=scaled) == 24
    dark = TransformedBlobs()
    dark.images = dark.images * 0.5
    assert explained(seed=4, dataset=dark) == 24
    normalising = v2.Compose([v2.RandomHorizontalFlip(), v2.Normalize([0.5] * 3, [0.5] * 3)])
    assert explained(seed=4, dataset=TransformedBlobs(transform=normalising)) == 24
    assert len(SaliencyBank(tmp_path / "bank").generations()) == 1


KILLED = """
import os, sys, signal
from pathlib import Path
import lightning as L
import torch
from camaug.saliency_bank.shard import Shard
from tests.toys import ToyClassifier
from tests.callbacks._augmentation.test_bank_keeper import augmentation, loader, Reseeding

torch.set_num_threads(1)
write, writes = Shard.write, []

def counted(self, start, maps):
    write(self, start, maps)
    writes.append(start)
    if len(writes) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

Shard.write = counted
L.seed_everything(3, verbose=False)
module = ToyClassifier()
callbacks = [augmentation(bank_dir=sys.argv[1] + "/bank"), Reseeding()]
last = Path(sys.argv[1], "last.ckpt")
callbacks.append(L.pytorch.callbacks.ModelCheckpoint(sys.argv[1], save_last=True))
trainer = L.Trainer(accelerator="cpu", max_epochs=3, callbacks=callbacks, logger=False, enable_progress_bar=False)
trainer.fit(module, loader(shuffle=True), ckpt_path=last if last.exists() else None)
print("written", len(writes))
torch.save(module.state_dict(), sys.argv[1] + "/weights.pt")
"""


def test_killed_during_a_refresh_and_resumed(tmp_path):
    """The second of the second refresh's three batches is the last that the process writes."""

    def run(folder: Path, kill_at: int) -> subprocess.CompletedProcess:
        folder.mkdir(exist_ok=True)
        return run_program("-c", KILLED, folder, str(kill_at))

    assert run(tmp_path / "killed", 5).returncode == -signal.SIGKILL
    bank = SaliencyBank(tmp_path / "killed" / "bank")
    assert [bank.is_whole(number) for number in bank.generations()] == [True, False]
    resumed = run(tmp_path / "killed", 0)
    assert "written 1\n" in resumed.stdout, resumed.stdout
    assert [bank.is_whole(number) for number in bank.generations()] == [True, True]
    whole = run(tmp_path / "whole", 0)
    assert "written 6\n" in whole.stdout, whole.stdout
    weights = [torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("killed", "whole")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


# How good the maps are


class Small(L.LightningModule):
    """A convolutional network that learns shapes in a few epochs."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 16, 32, 32]
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 5, 2, 2), nn.BatchNorm2d(b), nn.ReLU()) for a, b in itertools.pairwise(widths)
        ]
        self.net = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3))
        self.shapes: set = set()

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.shapes.add((type(batch), tuple(batch[0].shape)))
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 2e-3)


def test_fidelity_on_shapes(make_trainer, read_events):
    L.seed_everything(0, verbose=False)
    module = Small()
    data = ShapesDataModule(train_size=192, val_size=6, num_classes=3, image_size=64, batch_size=32, num_workers=2)
    callback = augmentation(start_epoch=4, share=0.5, refresh_every_n_epochs=1, blur_kernel_size=15)
    data.setup("fit")
    make_trainer(callback, max_epochs=7).fit(module, data.train_dataloader())
    fidelity = scalars(read_events, "augmentation/bank_iou")
    assert [event.step for event in fidelity] == [24, 30, 36]
    assert min(event.value for event in fidelity) > 0.6
    staleness = scalars(read_events, "augmentation/bank_staleness_iou")
    assert [event.step for event in staleness] == [30, 36]
    assert all(0.3 < event.value <= 1 for event in staleness)
    assert {kind for kind, _ in module.shapes} == {list}


def test_no_logger_is_no_failure(module, make_trainer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_trainer(augmentation(), max_epochs=3, logger=False).fit(module, loader())
    assert SaliencyBank(tmp_path / "bank").generations() == [1, 2]


# What cannot work


class Soft(TransformedBlobs):
    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, 0.7 * F.one_hot(torch.tensor(label), 3) + 0.1


def dropping(items):
    return torch.utils.data.default_collate(items[:-1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (loader(Blobs()), "Blobs has no attribute `transform`"),
        (
            loader(TransformedBlobs(transform=lambda image: image)),
            "which takes an image and no mask with it: give the training data a",
        ),
        (loader(Soft()), r"labels \(8, 3\), probabilities: the saliency bank has a map for each single image"),
        (loader(collate_fn=dropping), "collate_fn made 2 images of 3 items|collate_fn made 7 images of 8 items"),
        ([loader(), loader()], "needs one torch.utils.data.DataLoader for training, got a list"),
    ],
)
def test_data_that_cannot_be_banked(data, message, module, make_trainer):
    with pytest.raises(ValueError, match=message):
        make_trainer(augmentation()).fit(module, data)
    assert module.seen == []


def test_images_resized_after_the_transfer_are_an_error(module, make_trainer):
    module.on_after_batch_transfer = lambda batch, _: [F.interpolate(batch[0], (24, 24))[:6], batch[1][:6]]
    with pytest.raises(ValueError, match=r"made 6 images of 8 items|carried maps \(8, 24, 24\) where the images need"):
        make_trainer(augmentation()).fit(module, loader())


@pytest.mark.parametrize("wrong", [0, -1])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=f"`refresh_every_n_epochs` must be at least 1, got {wrong}"):
        augmentation(refresh_every_n_epochs=wrong)


def test_a_url_is_refused_as_folder(module, make_trainer):
    with pytest.raises(ValueError, match="cannot be at s3://bucket/bank: give a local folder, bank_dir="):
        make_trainer(augmentation(bank_dir="s3://bucket/bank")).fit(module, loader())


OTHER_RUN = """
import sys
from pathlib import Path
from tests.callbacks._augmentation.test_bank_keeper import augmentation, loader
from tests.toys import ToyClassifier, quiet_trainer

folder = Path(sys.argv[1])
trainer = quiet_trainer(folder, augmentation(bank_dir=str(folder / "bank")), max_epochs=1, logger=False)
trainer.fit(ToyClassifier(), loader())
"""


def test_one_run_at_a_time(tmp_path):
    lock = DirectoryLock(tmp_path / "bank")
    assert lock.take()
    refused = run_program("-c", OTHER_RUN, tmp_path)
    assert refused.returncode == 1
    assert re.search("ValueError: .* is in use by another run: give another folder, bank_dir=", refused.stdout)
    lock.release()
    accepted = run_program("-c", OTHER_RUN, tmp_path)
    assert accepted.returncode == 0, accepted.stdout


def test_given_maps_must_fit(module, images):
    transform = GroupCamTransform(module, EXPLAINER)
    labels = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"must have the images' shape \(N, H, W\) = \(4, 16, 16\), got \(4, 8, 8\)"):
        transform.make_params([images, labels], torch.zeros(4, 8, 8))


def test_an_image_with_an_empty_map_stays_as_it_is(module, images):
    transform = GroupCamTransform(module, EXPLAINER, blur_kernel_size=5)
    labels = torch.zeros(4, dtype=torch.int64)
    maps = torch.zeros(4, 16, 16)
    maps[1, :4] = 1.0
    params = transform.make_params([images, labels], maps)
    changed = transform.transform(images, params)
    assert Counting.explained == 0
    assert torch.equal(changed[[0, 2, 3]], images[[0, 2, 3]])
    assert torch.equal(changed[1, :, :4], images[1, :, :4])
    assert not torch.equal(changed[1, :, 4:], images[1, :, 4:])


def test_what_the_keeper_hands_to_a_checkpoint(module, make_trainer, tmp_path):
    callback = augmentation()
    trainer = make_trainer(callback, max_epochs=1)
    assert callback.state_dict()["bank"] == {}
    trainer.fit(module, loader())
    state = callback.state_dict()["bank"]
    assert sorted(state) == ["directory", "epoch", "model", "settings"]
    assert (state["epoch"], state["directory"]) == (0, str(bank_of(tmp_path).directory))
    assert BankKeeper.__doc__


def test_maps_that_differ_from_exact_ones_are_one_warning(make_trainer, module):
    quality = BankQuality(make_trainer(), GroupCamTransform(module, EXPLAINER))
    images, labels = torch.rand(4, 3, 24, 24), torch.zeros(4, dtype=torch.int64)
    exact = quality._transform.explain(images, labels).maps
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quality.log_carried(images, labels, exact)
    with pytest.warns(
        UserWarning, match=r"carried from the saliency bank mark other regions .* \(IoU 0\.[0-4]\d, below"
    ):
        quality.log_carried(images, labels, 1 - exact)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quality.log_carried(images, labels, 1 - exact)
