"""A map carried through the training data's transform lies where the image's own content went."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
)
from torchvision import transforms as v1
from torchvision.transforms import v2

from camaug.functional.masks import mask_iou, upsample
from camaug.saliency_bank.carried_maps import Carried, CarryingDataset, untransformed, untransformed_view, view_size
from camaug.saliency_bank.carrying_loader import CarryingLoader, carrying_loader, check_loader
from camaug.saliency_bank.reader import BankReader
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.toys import Stream

GRID = (6, 8)
TO_TENSOR = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]


def blob_map(index: int) -> np.ndarray:
    """A bright patch of 2 × 3 cells whose place depends on the index."""
    small = np.zeros(GRID, dtype=np.uint8)
    row, column = index % 4, (2 * index) % 5
    small[row : row + 2, column : column + 3] = 255
    return small


class Pictures(Dataset):
    """Pictures 192 × 256 that show their own map, enlarged, in every channel."""

    classes = ("a", "b")

    def __init__(self, transform: Any, size: int = 24) -> None:
        self.transform = transform
        self.targets = [index % 2 for index in range(size)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> dict[str, Any]:
        small = torch.from_numpy(blob_map(index))[None, None].float()
        picture = upsample(small, (192, 256))[0, 0].round().to(torch.uint8).numpy()
        image = Image.fromarray(np.stack([picture] * 3, axis=-1))
        return {"image": self.transform(image), "label": self.targets[index], "name": f"picture {index}"}


CROP = v2.Compose([v2.RandomResizedCrop(128, scale=(0.4, 1.0)), v2.RandomHorizontalFlip(), *TO_TENSOR])
TRANSFORMS = {
    "crop and flip": CROP,
    "rotation": v2.Compose([v2.Resize((128, 128)), v2.RandomRotation(30), v2.RandomVerticalFlip(), *TO_TENSOR]),
    "affine": v2.Compose(
        [v2.RandomAffine(20, (0.1, 0.1), (0.8, 1.2), 5), v2.Resize(128), v2.CenterCrop(100), *TO_TENSOR]
    ),
    "images first": v2.Compose(
        [v2.ToImage(), CROP.transforms[0], v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
    ),
    "some of them": v2.Compose([v2.RandomApply([v2.RandomCrop(160)], 0.5), v2.Resize((128, 128)), *TO_TENSOR]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_carried_map_lies_on_the_blob(name):
    dataset = CarryingDataset(Pictures(TRANSFORMS[name]), blob_map)
    overlaps = []
    for item, carried in dataset.__getitems__(list(range(24))):
        image = item["image"][0]
        assert carried.dtype == torch.uint8
        assert carried.shape == image.shape
        shown = image > 0 if image.min() < 0 else image > 0.5  # normalised or not: above the middle
        if shown.float().mean() > 0.04:  # of an eighth of the picture; a strip left by the crop is all border
            overlaps.append(mask_iou(shown[None], (carried > 127)[None]).item())
    assert len(overlaps) >= 18
    assert min(overlaps) >= 0.9
    assert sum(overlaps) / len(overlaps) > 0.95


def test_the_view_is_the_very_one_that_training_would_see_without_maps():
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(32),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(0.4, 0.4),
            *TO_TENSOR,
            v2.RandomErasing(1.0),
        ]
    )
    plain = Pictures(transform)
    carrying, without_maps = CarryingDataset(plain, blob_map), CarryingDataset(plain, lambda index: None)
    for index in range(6):
        images = []
        for take in (
            lambda i: plain[i],
            lambda i: carrying.__getitems__([i])[0].item,
            lambda i: without_maps.__getitems__([i])[0].item,
            lambda i: carrying[i],
        ):
            torch.manual_seed(index)
            images.append(take(index)["image"])
        assert all(torch.equal(image, images[0]) for image in images)
    assert without_maps.__getitems__([3])[0].map is None


def test_the_users_data_set_is_not_touched():
    inner = Pictures(CROP)
    subset = Subset(Subset(inner, list(range(20))), [5, 3, 19])
    dataset = CarryingDataset(subset, lambda index: blob_map([5, 3, 19][index]))
    items = dataset.__getitems__([0, 2])
    assert [carried.item["name"] for carried in items] == ["picture 5", "picture 19"]
    assert items[0].item["label"] == 1
    assert inner.transform is CROP
    assert subset.dataset.dataset is inner
    assert isinstance(dataset, Subset)  # which those who look for targets and names look into
    assert dataset.dataset is subset
    assert set(vars(inner)) == {"transform", "targets"}


def test_attributes_are_the_users_own():
    inner = Pictures(CROP)
    dataset = pickle.loads(pickle.dumps(CarryingDataset(inner, blob_map)))
    assert (len(dataset), dataset.classes, dataset.targets) == (24, ("a", "b"), inner.targets)
    assert not hasattr(dataset, "object_mask")
    assert isinstance(dataset.__getitems__([1])[0], Carried)


class Wrapped(Subset):
    """A common way to give a part of a data set a transform of its own."""

    def __init__(self, dataset, indices, transform):
        super().__init__(dataset, indices)
        self.transform = transform

    def __getitem__(self, index):
        item = super().__getitem__(index)
        return {**item, "image": self.transform(item["image"])}

    def __getitems__(self, indices):
        return [self[index] for index in indices]


def test_a_subset_with_a_transform_of_its_own():
    dataset = CarryingDataset(Wrapped(Pictures(v2.Identity()), [7, 8], CROP), lambda index: blob_map(7 + index))
    (carried,) = dataset.__getitems__([1])
    assert mask_iou((carried.item["image"][0] > 0)[None], (carried.map > 127)[None]) > 0.9


# The whole image


def test_what_is_not_random_is_kept():
    whole = untransformed_view(v2.Compose([v2.RGB(), v2.RandomRotation(9), CROP, v2.RandomErasing()]), (40, 30))
    names = [type(part).__name__ for part in whole.transforms]
    assert names == ["RGB", "Resize", "PILToTensor", "ToDtype", "Normalize"]
    inner = Pictures(CROP)
    views = untransformed(Subset(inner, [4, 2]), (48, 64))
    image = views[1]["image"]
    assert image.shape == (3, 48, 64)
    assert torch.equal(image, views[1]["image"])
    blob = upsample(torch.from_numpy(blob_map(2))[None, None].float(), (48, 64))[0] > 127
    assert mask_iou((image[:1] > 0), blob) > 0.95
    assert inner.transform is CROP


def test_view_size():
    assert view_size(Subset(Pictures(v2.Compose([v2.RandomCrop((50, 60)), *TO_TENSOR])), [3])) == (50, 60)


class Twice(Pictures):
    def __getitem__(self, index):
        return [super(Twice, self).__getitem__(index) for _ in range(2)]


class Scaling(v2.Transform):
    """Enlarges images alone."""

    _transformed_types = (Image.Image,)

    def transform(self, inpt, params):
        return inpt.resize((30, 30))


OFF = "or leave the bank off"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (torch.utils.data.TensorDataset(torch.zeros(3, 2)), f"TensorDataset has no attribute `transform` .*{OFF}"),
        (ConcatDataset([Pictures(CROP)]), f"ConcatDataset has no attribute `transform` .*{OFF}"),
        (Pictures(v1.ToTensor()), f"torchvision.transforms.transforms.ToTensor, which takes an image and no .*{OFF}"),
        (Pictures(lambda image: image), f"transform of Pictures is a .*function, which takes .*{OFF}"),
        (Pictures(v2.Compose([v1.RandomCrop(9), *TO_TENSOR])), f"take an image and its mask together .*{OFF}"),
        (Pictures(v2.Compose([v2.RandAugment(), *TO_TENSOR])), "Inputs of type Mask are not supported by RandAugment"),
        (Twice(CROP), f"Twice called its `transform` 2 times for item 0, .* a single call: .*{OFF}"),
        (Pictures(v2.Compose([Scaling(), *TO_TENSOR])), rf"image of \(30, 30\) and a mask of \(192, 256\) .*{OFF}"),
        (Pictures(v2.Compose([v2.ToImage(), v2.ToPureTensor(), v2.RandomCrop(9)])), "RandomCrop after ToPureTensor"),
        (Pictures(v2.RandomCrop(9)), r"must give a tensor \(C, H, W\), got Image"),
        (Pictures(v2.Compose([CROP, v2.Lambda(lambda x: x.double(), torch.Tensor)])), "torch.float64 .* torch.float32"),
        (Pictures(CROP, size=0), "Pictures is empty"),
    ],
)
def test_what_cannot_carry_maps_is_an_error(dataset, message):
    with pytest.raises(ValueError, match=message):
        view_size(dataset)


# The loader


@pytest.fixture
def bank(tmp_path) -> SaliencyBank:
    """Two generations: the blobs, and their negatives."""
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
    user = DataLoader(Pictures(WHOLE), batch_size=8, shuffle=True, **settings)
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
        assert sorted(names) == sorted(f"picture {index}" for index in range(24))


def collate(items):
    return tuple(item["name"] for item in items), torch.stack([item["image"] for item in items])


def test_the_users_settings_and_collate_function():
    dataset = Pictures(WHOLE)
    carrying = CarryingDataset(dataset, blob_map)
    user = DataLoader(dataset, 5, sampler=[3, 1, 4, 1, 5, 9, 2], drop_last=True, collate_fn=collate, timeout=0)
    loader = carrying_loader(user, carrying)
    (batch,) = list(loader)
    assert batch[0] == tuple(f"picture {index}" for index in (3, 1, 4, 1, 5))
    assert len(loader.maps) == 5
    assert (loader.batch_size, loader.drop_last, len(loader)) == (5, True, 1)
    assert loader.collate_fn([dataset[0]])[0] == ("picture 0",)  # as others collate what they look at
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
        (OwnLoader(Pictures(CROP)), "needs one torch.utils.data.DataLoader for training, got a OwnLoader"),
        ([DataLoader(Pictures(CROP))], "got a list: use DataLoader itself, or leave the saliency bank off"),
        (DataLoader(Stream()), "Stream is a stream, in which no image can be found again"),
        (DataLoader(Pictures(CROP), batch_size=None), "has batch_size=None, so its data set makes the batches"),
        (DataLoader(Pictures(CROP), batch_sampler=Endless()), "no length, as its Endless has no __len__"),
    ],
)
def test_loaders_that_cannot_carry(loader, message):
    with pytest.raises(ValueError, match=message):
        check_loader(loader)
