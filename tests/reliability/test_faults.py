"""Failures in the middle of a training run: each is one warning, and training goes on."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from camaug import GroupCAM
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.callbacks import CamLogger, GroupCamAugmentation
from camaug.explainers.queries import in_chunks
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import Blobs, ToyClassifier, TransformedBlobs

FULL = OSError(errno.ENOSPC, "No space left on device")


def explainer(cls: type[GroupCAM] = GroupCAM) -> GroupCAM:
    return cls(**SMALL_GROUP_CAM)


def augmentation(cls: type[GroupCAM] = GroupCAM, **settings) -> GroupCamAugmentation:
    defaults = {"preset": "paper", "blur_kernel_size": 5, "blur_sigma": 5.0, "fast": False}
    return GroupCamAugmentation(explainer(cls), **{**defaults, **settings})


class BreakableGroupCAM(GroupCAM):
    """Group-CAM that fails while ``works`` is False."""

    works = True

    def saliency(self, evidence):
        if not BreakableGroupCAM.works:
            raise RuntimeError("no more heat")
        return super().saliency(evidence)


class NanGroupCAM(GroupCAM):
    """Group-CAM whose maps are NaN."""

    def saliency(self, evidence):
        return super().saliency(evidence) * float("nan")


@pytest.fixture(autouse=True)
def working_explainer() -> None:
    BreakableGroupCAM.works = True


class BreakAfterFirstBatch(L.Callback):
    """A callback after whose first batch no explanation succeeds."""

    def on_train_batch_end(self, *_):
        BreakableGroupCAM.works = False


def are_unchanged(seen: torch.Tensor, dataset: Blobs, start: int = 0) -> list[bool]:
    """Return for each image whether it equals the data set's image, counted from the given index."""
    return [torch.equal(image, dataset.images[start + index]) for index, image in enumerate(seen)]


# Augmentation


def test_an_explainer_that_raises_leaves_the_images_unchanged(module, loader, dataset, make_trainer, read_events):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_trainer(augmentation(BreakableGroupCAM), BreakAfterFirstBatch()).fit(module, loader)
    (message,) = [str(w.message) for w in caught if "could not augment" in str(w.message)]
    assert "RuntimeError: no more heat" in message
    assert not all(are_unchanged(module.seen[0], dataset))
    assert len(module.seen) == 6
    assert all(are_unchanged(module.seen[1], dataset, 8))
    assert all(are_unchanged(module.seen[5], dataset, 16))
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def test_without_masked_views_the_loss_has_no_consistency_term(module, loader, make_trainer):
    with pytest.warns(UserWarning, match="could not augment a batch"):
        make_trainer(augmentation(BreakableGroupCAM, recipe="paired"), BreakAfterFirstBatch()).fit(module, loader)
    assert [len(images) for images in module.seen] == [16, 8, 8, 8, 8, 8]


def test_an_explainer_that_never_works_is_an_error_at_the_first_batch(module, loader, make_trainer):
    BreakableGroupCAM.works = False
    with pytest.raises(RuntimeError, match="no more heat"):
        make_trainer(augmentation(BreakableGroupCAM, start_epoch=1)).fit(module, loader)
    assert module.seen == []


def test_nan_maps_change_no_image_and_are_logged_as_constant(module, loader, dataset, make_trainer, read_events):
    with pytest.warns(UserWarning, match="constant map"):
        make_trainer(augmentation(NanGroupCAM), CamLogger(explainer(NanGroupCAM), num_images=3, fast=False)).fit(
            module, loader
        )
    assert all(are_unchanged(module.seen[2], dataset, 16))
    assert read_events().Scalars("cam/constant_maps")[0].value == 1


def test_nan_pixels_stay_where_they_are(module, dataset, make_trainer):
    dataset.images[3, :, 5, 5] = float("nan")
    module.on_before_optimizer_step = lambda optimizer: module.zero_grad()
    data = DataLoader(dataset, batch_size=8)
    make_trainer(augmentation(), CamLogger(explainer(), num_images=3, fast=False), max_epochs=1).fit(module, data)
    assert torch.equal(module.seen[0][3].isnan(), dataset.images[3].isnan())  # not spread by the blur
    assert module.seen[0][[0, 1, 2, 4]].isfinite().all()


@pytest.mark.filterwarnings("ignore:CamLogger. in epoch")
def test_a_nan_loss_does_not_end_the_training_run(module, loader, make_trainer, read_events):
    module.on_after_backward = lambda: [p.grad.fill_(float("nan")) for p in module.parameters()]
    trainer = make_trainer(augmentation(), CamLogger(explainer(), num_images=3))
    trainer.fit(module, loader)
    assert trainer.current_epoch == 2
    assert torch.tensor(module.losses[1:]).isnan().all()
    assert [event.step for event in read_events().Images("cam/overview")] == [2, 5]


# Memory


def test_chunks_shrink_if_memory_runs_out_on_the_cpu():
    sizes = []

    def query(part: slice) -> int:
        sizes.append(part.stop - part.start)
        return torch.empty(10**16 if part.stop - part.start > 2 else 1).numel()

    assert list(in_chunks(query, count=5, chunk_size=8)) == [1, 1, 1]
    assert sizes == [5, 4, 2, 2, 1]


def test_another_error_is_not_mistaken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="size"):
        list(in_chunks(lambda part: torch.ones(2) + torch.ones(3), count=5, chunk_size=8))


# Disks


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """Yield a disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_images_stay_unchanged_while_the_disk_of_the_bank_is_full(module, make_trainer, small_disk):

    class FreeTheDisk(L.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                (small_disk / "other").unlink()

    (small_disk / "other").write_bytes(b"x" * 56 * 1024)
    data = TransformedBlobs()
    callback = augmentation(refresh_every_n_epochs=5, bank_dir=str(small_disk / "bank"))
    with pytest.warns(UserWarning, match="(?s)images stay as they are.*No space left") as caught:
        make_trainer(callback, FreeTheDisk(), max_epochs=3).fit(module, DataLoader(data, batch_size=8))
    assert sum("could not make new maps" in str(w.message) for w in caught) == 1
    seen = [torch.cat(module.seen[epoch * 3 : epoch * 3 + 3]) for epoch in range(3)]
    are_plain = [
        [torch.equal(a, b) or torch.equal(a, b.flip(-1)) for a, b in zip(s, data.images, strict=True)] for s in seen
    ]
    assert [all(epoch) for epoch in are_plain] == [True, True, False]


def test_a_refresh_that_cannot_be_written_keeps_the_old_maps(module, make_trainer, monkeypatch, tmp_path):
    from camaug.saliency_bank import shard as bank_shard
    from camaug.saliency_bank.saliency_bank import SaliencyBank

    write = bank_shard._overwrite

    def fail_from_epoch_one(path, *arguments):
        if trainer.current_epoch >= 1:
            raise FULL
        write(path, *arguments)

    monkeypatch.setattr(bank_shard, "_overwrite", fail_from_epoch_one)
    callback = augmentation(refresh_every_n_epochs=1, bank_dir=str(tmp_path / "bank"))
    trainer = make_trainer(callback, max_epochs=3)
    with pytest.warns(UserWarning, match="(?s)the old maps remain in use.*No space left") as caught:
        trainer.fit(module, DataLoader(TransformedBlobs(), batch_size=8))
    assert sum("could not make new maps" in str(w.message) for w in caught) == 1
    assert len(module.seen) == 9
    bank = SaliencyBank(tmp_path / "bank")
    assert [bank.is_whole(number) for number in bank.generations()] == [True, False]


def test_a_bank_on_a_read_only_disk_is_an_error_before_the_first_batch(module, make_trainer, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    callback = augmentation(refresh_every_n_epochs=1, bank_dir=str(small_disk / "bank"))
    with pytest.raises(
        ValueError, match=r"cannot be written to .*Read-only file system.*give another folder, bank_dir="
    ):
        make_trainer(callback).fit(module, DataLoader(TransformedBlobs(), batch_size=8))
    assert module.seen == []


def test_images_that_cannot_be_written_are_one_warning(module, loader, make_trainer, read_events):
    callbacks = [CamLogger(explainer(), num_images=3), augmentation()]
    trainer = make_trainer(*callbacks, max_epochs=3)

    def refuse(*arguments, **settings):
        if trainer.current_epoch == 1 and arguments[0].value[0].HasField("image"):
            raise FULL
        return write(*arguments, **settings)

    events = trainer.logger.experiment._get_file_writer()
    write, events.add_summary = events.add_summary, refuse
    with pytest.warns(UserWarning, match="(?s)training goes on.*No space left") as caught:
        trainer.fit(module, loader)
    assert sum("No space left" in str(w.message) for w in caught) == 1
    events = read_events()
    assert [event.step for event in events.Images("cam/overview")] == [2, 8]
    assert len(module.seen) == 9


# Data


class DyingWorkerBlobs(Blobs):
    """Blobs whose worker process is killed in the last batch, once the event is set."""

    def __init__(self, size: int, event: Event) -> None:
        super().__init__(size)
        self.event = event

    def __getitem__(self, index):
        if index == 60 and torch.utils.data.get_worker_info() is not None:
            self.event.wait()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.filterwarnings("ignore:.*could not")  # PyTorch interrupts whatever runs when the worker dies
def test_the_death_of_a_worker_loses_nothing_that_was_logged(module, make_trainer, read_events):
    # The last batch never arrives.
    training_step, three_steps_done = module.training_step, torch.multiprocessing.Event()

    def logging_step(batch, batch_idx):
        loss = training_step(batch, batch_idx)
        module.log("loss", loss)
        if batch_idx == 3:
            three_steps_done.set()
        return loss

    module.training_step = logging_step
    dying = DyingWorkerBlobs(64, three_steps_done)
    trainer = make_trainer(CamLogger(explainer(), num_images=3), augmentation())
    with pytest.raises((RuntimeError, OSError, EOFError)):  # PyTorch notices the signal or the closed pipe
        trainer.fit(module, DataLoader(dying, batch_size=8, num_workers=1), DataLoader(Blobs(), batch_size=8))
    logged = [event.step for event in read_events().Scalars("loss")]
    assert 3 <= len(logged) < 8
    assert logged == list(range(len(logged)))


class TruncatedLoader(DataLoader):
    """A loader of a data set that cannot be read, which yields another loader's batches."""

    def __init__(self, dataset, others) -> None:
        super().__init__(dataset)
        self.__dict__["others"] = others

    def __iter__(self):
        return iter(self.others)

    def __len__(self):
        return len(self.others)


@pytest.mark.parametrize(
    ("readable", "message"),
    [
        (0, r"(?s)could not read its images, and will explain none.*x\.jpg"),
        (1, r"image 1 is left out \(OSError: .*x\.jpg.*\); image 2 is left out .* The other 1 images are explained"),
    ],
)
def test_probe_images_that_cannot_be_read_are_one_warning(readable, message, module, loader, make_trainer):
    class TruncatedBlobs(Blobs):
        def __getitem__(self, index):
            if index >= readable:
                raise OSError("cannot read image 'x.jpg': image file is truncated")
            return super().__getitem__(index)

    trainer = make_trainer(CamLogger(explainer(), num_images=3), limit_val_batches=readable)
    module.val_dataloader = lambda: DataLoader(TruncatedBlobs(), batch_size=1)
    with pytest.warns(UserWarning, match=message):
        trainer.fit(module, loader if readable else TruncatedLoader(TruncatedBlobs(), loader))
    assert len(module.seen) == 6


def test_the_data_sets_own_tensors_are_not_modified(module, make_trainer):
    # Without collation, each epoch gets the same tensors.
    blobs = Blobs(8)
    batch = blobs.images, torch.tensor(blobs.targets)
    before = blobs.images.clone()

    class OneBatch(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return batch

    probes = DataLoader(Blobs(), batch_size=8)
    trainer = make_trainer(augmentation(), CamLogger(explainer(), num_images=3))
    trainer.fit(module, DataLoader(OneBatch(), batch_size=None), probes)
    assert torch.equal(batch[0], before)
    assert not torch.equal(module.seen[0], before)


@dataclass
class DataclassBatch:
    """A batch whose images are neither its first field nor its only float tensor."""

    name: list[str]
    images: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor


CONTAINERS = {
    "tuple": lambda i, y: (i, y),
    "list with more": lambda i, y: [i, y, torch.rand(len(i), 7), ["name"] * len(i)],
    "dict": lambda i, y: {"pixel_values": i, "id": torch.arange(len(i)), "labels": y},
    "data class": lambda i, y: DataclassBatch(["name"] * len(i), i, i[:, :1] > 0.5, y),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_both_callbacks_find_images_and_labels_in_any_container(container, module, make_trainer, read_events):
    def collate(items):
        images, labels = (torch.utils.data.default_collate(list(part)) for part in zip(*items, strict=True))
        return CONTAINERS[container](images, labels)

    def training_step(batch, batch_idx):
        from camaug.augmentation.batch import find_images_and_labels

        images, labels = find_images_and_labels(batch)
        seen.append(images)
        return F.cross_entropy(module(images), labels)

    seen: list[torch.Tensor] = []
    module.training_step, module.validation_step = training_step, None
    data = DataLoader(Blobs(), batch_size=8, collate_fn=collate)
    make_trainer(augmentation(), CamLogger(explainer(), num_images=3), max_epochs=1).fit(module, data)
    assert not all(are_unchanged(seen[0], Blobs()))
    assert "cam/left/0" in read_events().Tags()["images"]


@pytest.mark.parametrize("kind", ["soft", "one-hot", "several"])
def test_labels_with_a_row_for_each_image(kind, module, make_trainer):
    blobs = Blobs()
    labels = F.one_hot(torch.tensor(blobs.targets)).float()
    if kind == "soft":
        labels = labels * 0.8 + 0.2 / 3
    if kind == "several":
        labels[:, 1] = 1
    callback = augmentation()
    make_trainer(callback, max_epochs=1).fit(module, DataLoader(TensorDataset(blobs.images, labels), batch_size=8))
    assert not all(are_unchanged(module.seen[0], blobs))


class ChannelsClassifier(L.LightningModule):
    """A classifier of images with any number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
        )  # fmt: skip
        self.seen: list[torch.Tensor] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        self.seen.append(batch[0])
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore:CamLogger. in epoch")
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
def test_any_number_of_channels(channels, make_trainer, read_events):
    images = torch.rand(12, channels, 16, 16)
    data = DataLoader(TensorDataset(images, torch.arange(12) % 3), batch_size=4)
    module = ChannelsClassifier(channels)
    make_trainer(augmentation(), CamLogger(explainer(), num_images=3), max_epochs=1).fit(module, data)
    assert [len(seen) for seen in module.seen] == [4, 4, 4]
    assert "cam/overview" in read_events().Tags()["images"]


class BatchSizes(torch.utils.data.Sampler):
    """A batch sampler of the given batch sizes."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def __iter__(self):
        return iter([list(range(size)) for size in self.sizes])


@pytest.mark.filterwarnings("ignore:CamLogger. in epoch")
@pytest.mark.parametrize("recipe", list_recipes())
def test_batches_of_one_image_and_of_none(recipe, make_trainer):
    def collate(items):
        images = torch.stack([item[0] for item in items]) if items else torch.empty(0, 3, 24, 24)
        return images, torch.tensor([item[1] for item in items], dtype=torch.int64)

    data = DataLoader(Blobs(), batch_sampler=BatchSizes(4, 1, 0), collate_fn=collate)
    module = ChannelsClassifier(3)
    make_trainer(augmentation(recipe=recipe), max_epochs=1).fit(module, data)
    factor = 2 if as_recipe(recipe).adds_masked_views else 1  # a masked view of each image is appended
    assert [len(seen) for seen in module.seen] == [4 * factor, 1 * factor, 0]


def test_a_run_after_a_failed_run_in_the_same_process(module, loader, make_trainer):
    BreakableGroupCAM.works = False
    with pytest.raises(RuntimeError):
        make_trainer(augmentation(BreakableGroupCAM)).fit(ToyClassifier(), loader)
    BreakableGroupCAM.works = True
    make_trainer(augmentation(BreakableGroupCAM)).fit(module, loader)
    assert len(module.seen) == 6
    assert "training_step" not in vars(module)
