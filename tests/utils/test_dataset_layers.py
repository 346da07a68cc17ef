from __future__ import annotations

from torch.utils.data import Subset, TensorDataset
from torchvision.transforms import v2

from camaug.utils.dataset_layers import dataset_layers, transform_parts, transformed_dataset


def test_layers_from_the_outside_in():
    inner = TensorDataset()
    middle = Subset(inner, [])
    outer = Subset(middle, [])
    assert list(dataset_layers(outer)) == [outer, middle, inner]
    assert list(dataset_layers(inner)) == [inner]


def test_the_outermost_with_a_transform_counts():
    inner = TensorDataset()
    middle, outer = Subset(inner, []), None
    outer = Subset(middle, [])
    assert transformed_dataset(outer) is inner  # even without one: it is the one to have it
    middle.transform = None
    assert transformed_dataset(outer) is middle


def test_transforms_inside_of_transforms():
    flip, blur = v2.RandomHorizontalFlip(), v2.GaussianBlur(3)
    applied = v2.RandomApply([blur])
    compose = v2.Compose([v2.Compose([flip]), applied])
    assert list(transform_parts(compose)) == [compose, compose.transforms[0], flip, applied, blur]
    assert list(transform_parts(None)) == []
