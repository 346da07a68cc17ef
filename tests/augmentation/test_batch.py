from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from camaug.augmentation.batch import class_indices, find_images_and_labels, replace_tensors

Pair = namedtuple("Pair", ["picture", "answer"])
Named = namedtuple("Named", ["mask", "image", "label"])


@dataclass
class Sample:
    image: Tensor
    label: Tensor
    path: str = "a.jpg"


IMAGES = torch.rand(3, 3, 8, 8)
LABELS = torch.tensor([0, 4, 2])
SOFT = torch.rand(3, 5)
CONTAINERS: dict[str, Any] = {
    "list": [IMAGES, LABELS],
    "tuple": (IMAGES, LABELS),
    "labels first": (LABELS, IMAGES),
    "dict": {"image": IMAGES, "label": LABELS, "path": ["a", "b", "c"]},
    "ordered dict": OrderedDict(y=LABELS, x=IMAGES),
    "named tuple": Pair(IMAGES, LABELS),
    "data class": Sample(IMAGES, LABELS),
    "nested": ({"meta": {"size": 8}, "inputs": [IMAGES]}, (LABELS, None)),
    "with other tensors": {"weights": torch.rand(3), "mask": torch.rand(3, 1, 8, 8), "image": IMAGES, "label": LABELS},
    "named before first": Named(torch.rand(3, 1, 8, 8), IMAGES, LABELS),
    "two label tensors": {"index": torch.tensor([7, 8, 9]), "image": IMAGES, "target": LABELS},
    "flags are no labels": (IMAGES, torch.tensor([True, False, True]), LABELS),
    "lengths are no labels": (IMAGES, torch.tensor([3, 3]), torch.rand(3), LABELS),
}


@pytest.mark.parametrize("batch", CONTAINERS.values(), ids=CONTAINERS)
def test_the_very_tensors_are_found(batch):
    images, labels = find_images_and_labels(batch)
    assert images is IMAGES
    assert labels is LABELS


@pytest.mark.parametrize("batch", CONTAINERS.values(), ids=CONTAINERS)
def test_replacing_makes_a_like_container(batch):
    before = list(leaves(batch))
    replacement = torch.zeros(3, 3, 8, 8)
    changed = replace_tensors(batch, [(IMAGES, replacement)])
    assert type(changed) is type(batch)
    assert changed is not batch
    assert find_images_and_labels(changed).images is replacement
    for old, new, still in zip(before, leaves(changed), leaves(batch), strict=True):
        assert new is (replacement if old is IMAGES else old)
        assert still is old


def leaves(batch: Any):
    if isinstance(batch, dict):
        batch = list(batch.values())
    elif isinstance(batch, Sample):
        batch = [batch.image, batch.label, batch.path]
    if isinstance(batch, list | tuple):
        for item in batch:
            yield from leaves(item)
    else:
        yield batch


def test_soft_labels():
    assert find_images_and_labels((IMAGES, SOFT)).labels is SOFT
    assert class_indices(torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.0, 0.4]])).tolist() == [1, 0]
    assert class_indices(LABELS) is LABELS


def test_images_alone():
    images, labels = find_images_and_labels(IMAGES)
    assert images is IMAGES
    assert labels is None
    replacement = torch.zeros(1)
    assert replace_tensors(IMAGES, [(IMAGES, replacement)]) is replacement


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ((LABELS, SOFT), r"a tuple with a tensor torch.int64 \(3,\), a tensor torch.float32 \(3, 5\)"),
        ({"image": IMAGES[0]}, r"a dict with image torch.float32 \(3, 8, 8\)"),
        ({"image": torch.zeros(3, 3, 8, 8, dtype=torch.uint8)}, r"a dict with image torch.uint8 \(3, 3, 8, 8\)"),
        (["a.jpg"], "a list with no tensor"),
        (None, "a NoneType with no tensor"),
    ],
)
def test_no_images(batch, found):
    with pytest.raises(ValueError, match=rf"expected images, floating-point \(N, C, H, W\), in the batch, {found}"):
        find_images_and_labels(batch)
