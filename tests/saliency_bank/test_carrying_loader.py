from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler
from torchvision.transforms import v2

from camaug.functional.masks import mask_iou
from camaug.saliency_bank.carrying_dataset import CarryingDataset
from camaug.saliency_bank.carrying_loader import CarryingLoader, carrying_loader, check_loader
from camaug.saliency_bank.reader import BankReader
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.saliency_bank.blob_images import CROP, GRID, TO_TENSOR, BlobImages, blob_map
from tests.toys import Stream


@pytest.fixture
def bank(tmp_path) -> SaliencyBank:
    """Return a bank of two generations: the blobs, and their negatives."""
    bank = SaliencyBank(tmp_path)
    for model in ("a", "b"):
        number = bank.begin(BankRecord(24, GRID, 2, 1, model, {}))
        maps = np.stack([blob_map(index) for index in range(24)])
        bank.shard(number, 0).write(0, maps if model == "a" else 255 - maps)
        bank.shard(number, 0).seal()
    return bank


WHOLE = v2.Compose([v2.Resize((48, 64)), v2.RandomHorizontalFlip(), *TO_TENSOR])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_workers": 2},
        {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "spawn"},
    ],
    ids=["no workers", "workers", "persistent", "spawned"],
)
def test_each_epoch_sees_its_generation(bank, settings):
    user = DataLoader(BlobImages(WHOLE), batch_size=8, shuffle=True, **settings)
    reader = BankReader(bank.directory)
    loader = carrying_loader(user, CarryingDataset(user.dataset, reader))
    for number in (1, 2, None):
        iterator = iter(loader)
        reader.serve(number)  # after the iterator was made, before the first batch
        names = []
        for batch in iterator:
            assert list(batch) == ["image", "label", "name"]  # the user's own
            names += batch["name"]
            if number is None:
                assert loader.maps is None
                continue
            shown = batch["image"][:, 0] > 0
            carried = loader.maps > 127
            assert mask_iou(shown if number == 1 else ~shown, carried).min() > 0.9
        assert sorted(names) == sorted(f"image {index}" for index in range(24))


def collate(items):
    return tuple(item["name"] for item in items), torch.stack([item["image"] for item in items])


def test_the_users_settings_and_collate_function():
    dataset = BlobImages(WHOLE)
    carrying = CarryingDataset(dataset, blob_map)
    user = DataLoader(dataset, 5, sampler=[3, 1, 4, 1, 5, 9, 2], drop_last=True, collate_fn=collate, timeout=0)
    loader = carrying_loader(user, carrying)
    (batch,) = list(loader)
    assert batch[0] == tuple(f"image {index}" for index in (3, 1, 4, 1, 5))
    assert len(loader.maps) == 5
    assert (loader.batch_size, loader.drop_last, len(loader)) == (5, True, 1)
    assert loader.collate_fn([dataset[0]])[0] == ("image 0",)  # as other code collates single items
    own = BatchSampler(SequentialSampler(dataset), 10, drop_last=False)
    own.__class__ = type("Own", (BatchSampler,), {})
    assert [len(batch["name"]) for batch in carrying_loader(DataLoader(dataset, batch_sampler=own), carrying)] == [
        10,
        10,
        4,
    ]
    assert "__init__" not in vars(CarryingLoader)


class OwnLoader(DataLoader):
    pass


class Endless:
    def __iter__(self):
        return iter([[0]])


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (OwnLoader(BlobImages(CROP)), "needs one torch.utils.data.DataLoader for training, got a OwnLoader"),
        ([DataLoader(BlobImages(CROP))], "got a list: use DataLoader itself, or leave the saliency bank off"),
        (DataLoader(Stream()), "Stream is a stream, in which no image can be found again"),
        (DataLoader(BlobImages(CROP), batch_size=None), "has batch_size=None, so its data set makes the batches"),
        (DataLoader(BlobImages(CROP), batch_sampler=Endless()), "no length, as its Endless has no __len__"),
    ],
)
def test_loaders_that_cannot_carry(loader, message):
    with pytest.raises(ValueError, match=message):
        check_loader(loader)
