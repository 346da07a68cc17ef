from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from camaug.augmentation.batch import class_indices, find_images_and_labels, replace_tensors

Pair = namedtuple("Pair", ["photo", "digit"])
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
def test_the_same_tensor_objects_are_found(batch):
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


def test_images_without_labels():
    images, labels = find_images_and_labels(IMAGES)
    assert images is IMAGES
    assert labels is None
    replacement = torch.zeros(1)
    assert replace_tensors(IMAGES, [(IMAGES, replacement)]) is replacement


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ((LABELS, SOFT), r'a tuple with "0" int64 \(3,\), "1" float32 \(3, 5\)'),
        ({"image": IMAGES[0]}, r'a dict with "image" float32 \(3, 8, 8\)'),
        (["a.jpg"], "a list with no tensor"),
        (None, "a NoneType with no tensor"),
    ],
)
def test_no_images(batch, found):
    with pytest.raises(
        ValueError, match=rf"expected images, \(N, C, H, W\) of floats or integers, in the batch, {found}"
    ):
        find_images_and_labels(batch)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16, torch.int32])
def test_images_of_integers(dtype):
    images, mask = torch.ones(2, 3, 8, 8).to(dtype), torch.ones(2, 1, 8, 8, dtype=torch.int32)
    assert find_images_and_labels({"mask": mask, "image": images, "label": torch.tensor([1, 0])}).images is images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(2, 8, 8), r'images without channels, "0" float32 \(2, 8, 8\): add the dimension'),
        (np.zeros((2, 3, 8, 8), np.float32), "images as numpy's ndarray, .*: convert them"),
        ([Image.new("RGB", (8, 8))] * 2, "images as PIL's Image, .*: convert them"),
    ],
)
def test_images_of_another_kind_are_refused_with_a_remedy(images, message):
    with pytest.raises(ValueError, match=message):
        find_images_and_labels((images, torch.tensor([1, 0])))


def test_images_of_int64_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"images of torch.int64, .* divide them by their range"):
        find_images_and_labels({"image": torch.zeros(3, 3, 8, 8, dtype=torch.int64)})


INTS, INDEX, FLOATS = torch.tensor([1, 0]), torch.tensor([40, 41]), torch.rand(2)
BOXES, ROWS, VIEW = torch.rand(2, 4), torch.eye(2), torch.rand(2, 3, 8, 8)


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (lambda x: (x, INTS), INTS),
        (lambda x: (x, INTS[:, None]), (2, 1)),
        (lambda x: (x, FLOATS), FLOATS),
        (lambda x: (x, BOXES, INTS), INTS),
        (lambda x: (x, FLOATS, INTS), INTS),
        (lambda x: ((x, INDEX), INTS), INTS),
        (lambda x: ((x, VIEW), INTS), INTS),
        (lambda x: (x, VIEW, INTS), INTS),
        (lambda x: {"image": x, "camera_id": INDEX, "label": INTS}, INTS),
        (lambda x: {"image": x, "camera_id": INDEX, "pid": INTS}, INTS),
        (lambda x: {"image": x, "index": INDEX, "bbox": BOXES, "age": FLOATS, "class_id": INTS}, INTS),
        (lambda x: {"image": x, "target": ROWS, "weight": FLOATS}, ROWS),
        (lambda x: {"image": x, "label": INTS, "label_onehot": ROWS}, INTS),
        (lambda x: {"image": x, "label": INTS, "labels": INTS.clone()}, INTS),
        (lambda x: {"pixel_values": x, "input_ids": torch.zeros(2, 9, dtype=torch.int64), "labels": INTS}, INTS),
        (lambda x: {"unlabelled": VIEW + 1, "labelled": (x, INTS)}, INTS),
        (lambda x: {"unlabelled": (VIEW + 1, INDEX.float()[:1]), "labelled": (x, INTS)}, INTS),
        (lambda x: [(x, INTS), (VIEW, INDEX)], INTS),
        (lambda x: SimpleNamespace(image=x, label=INTS), INTS),
        (lambda x: {"image": x, "index": INDEX}, None),
        (lambda x: (x, ["a", "b"]), None),
    ],
)
def test_names_and_shapes_are_looked_at_together(make, labels):
    images = torch.rand(2, 3, 8, 8)
    found = find_images_and_labels(make(images))
    assert found.images is images
    if labels is None or isinstance(labels, torch.Tensor):
        assert found.labels is labels
    else:
        assert found.labels.shape == labels


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda x: (x, INTS, INDEX), r'"1" int64 \(2,\)', r'"2" int64 \(2,\)'),
        (lambda x: {"image": x, "fine_label": INTS, "coarse_label": INDEX}, "fine_label", "coarse_label"),
        (lambda x: (x, {"species": INTS, "genus": INDEX}), '"1.species"', '"1.genus"'),
    ],
)
def test_a_real_ambiguity_names_both_tensors_and_the_way_out(make, first, second):
    batch = make(torch.rand(2, 3, 8, 8))
    with pytest.raises(ValueError, match=rf"could be the labels: .*{first}.* and .*{second}.*Say which with labels="):
        find_images_and_labels(batch)


@pytest.mark.parametrize("selector", ["2", 2, lambda batch: batch[2]])
def test_a_selector_settles_it(selector):
    images = torch.rand(2, 3, 8, 8)
    assert find_images_and_labels((images, INTS, INDEX), labels=selector).labels is INDEX


def test_a_selector_of_images_chooses_the_sub_batch():
    images = torch.rand(2, 3, 8, 8)
    batch = {"a": (images, INTS), "b": (VIEW, INDEX)}
    assert find_images_and_labels(batch, images="b.0").images is VIEW
    assert find_images_and_labels(batch, images="b.0").labels is INDEX


def test_a_selector_that_gives_no_tensor():
    with pytest.raises(ValueError, match="labels='1' gives a list, expected a tensor"):
        find_images_and_labels((VIEW, ["a", "b"]), labels="1")
    assert find_images_and_labels((VIEW, [1, 0]), labels="1").labels.tolist() == [1, 0]
