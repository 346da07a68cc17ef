"""A map carried through the training data's transform lies where the image's own content went."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch.utils.data import Subset
from torchvision.transforms import v2

from camaug.functional.masks import mask_iou
from camaug.saliency_bank.carrying_dataset import Carried, CarryingDataset
from tests.saliency_bank.blob_images import CROP, TO_TENSOR, BlobImages, blob_map

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
    dataset = CarryingDataset(BlobImages(TRANSFORMS[name]), blob_map)
    overlaps = []
    for item, carried in dataset.__getitems__(list(range(24))):
        image = item["image"][0]
        assert carried.dtype == torch.uint8
        assert carried.shape == image.shape
        shown = image > 0 if image.min() < 0 else image > 0.5  # normalised or not: above the middle
        if shown.float().mean() > 0.04:  # of an eighth of the image; a strip left by the crop is all border
            overlaps.append(mask_iou(shown[None], (carried > 127)[None]).item())
    assert len(overlaps) >= 18
    assert min(overlaps) >= 0.9
    assert sum(overlaps) / len(overlaps) > 0.95


def test_the_view_equals_the_view_of_training_without_maps():
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(32),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(0.4, 0.4),
            *TO_TENSOR,
            v2.RandomErasing(1.0),
        ]
    )
    plain = BlobImages(transform)
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
    inner = BlobImages(CROP)
    subset = Subset(Subset(inner, list(range(20))), [5, 3, 19])
    dataset = CarryingDataset(subset, lambda index: blob_map([5, 3, 19][index]))
    items = dataset.__getitems__([0, 2])
    assert [carried.item["name"] for carried in items] == ["image 5", "image 19"]
    assert items[0].item["label"] == 1
    assert inner.transform is CROP
    assert subset.dataset.dataset is inner
    assert isinstance(dataset, Subset)  # in which other code finds targets and names
    assert dataset.dataset is subset
    assert set(vars(inner)) == {"transform", "targets"}


def test_attributes_are_the_users_own():
    inner = BlobImages(CROP)
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
    dataset = CarryingDataset(Wrapped(BlobImages(v2.Identity()), [7, 8], CROP), lambda index: blob_map(7 + index))
    (carried,) = dataset.__getitems__([1])
    assert mask_iou((carried.item["image"][0] > 0)[None], (carried.map > 127)[None]) > 0.9
