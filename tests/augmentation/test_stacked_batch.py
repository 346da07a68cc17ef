from __future__ import annotations

import pytest
import torch

from camaug.augmentation.replaceable_batch import ReplaceableBatch
from camaug.augmentation.stacked_batch import stack_batch

IMAGES = list(torch.rand(2, 3, 8, 8))


def longer(batch, index: list[int]):
    """Return a batch in which some images have a second row."""
    reading = ReplaceableBatch.read(batch)
    rows = [0, 1, *index]
    return reading.rebuilt(reading.pixels[rows], reading.labels[rows], torch.tensor(index))


@pytest.mark.parametrize("collection", [list, tuple])
def test_lists_of_images_and_labels_keep_their_types(collection):
    images, labels, paths = longer((collection(IMAGES), collection([1, 0]), ["a", "b"]), [1])
    assert type(images) is type(labels) is collection
    assert [torch.equal(image, IMAGES[n]) for image, n in zip(images, (0, 1, 1), strict=True)] == [True] * 3
    assert (list(labels), paths) == ([1, 0, 0], ["a", "b", "b"])


def test_items_keep_everything_that_they_have():
    boxes = [torch.zeros(2, 4), torch.ones(1, 4)]  # as many boxes as there are images
    batch = [{"image": x, "label": n, "boxes": b} for n, (x, b) in enumerate(zip(IMAGES, boxes, strict=True))]
    items = longer(batch, [0])
    assert [item["label"] for item in items] == [0, 1, 0]
    assert [item["boxes"] is boxes[n] for item, n in zip(items, (0, 1, 0), strict=True)] == [True] * 3
    assert len(batch) == 2


def test_items_may_be_tuples():
    items = longer([(IMAGES[0], 1), (IMAGES[1], 0)], [1])
    assert all(isinstance(item, tuple) for item in items)
    assert [label for _, label in items] == [1, 0, 0]


@pytest.mark.parametrize(
    "batch",
    [(torch.rand(2, 3, 8, 8), torch.tensor([0, 1]), [224, 224]), {"image": torch.rand(2, 3, 8, 8), "maps": IMAGES}],
    ids=["labels beside a list of numbers", "images beside a list of maps"],
)
def test_what_needs_no_stacking_stays(batch):
    assert stack_batch(batch).batch is batch


def test_images_of_different_sizes():
    with pytest.raises(ValueError, match=r"images of different sizes, \(3, 4, 4\) and \(3, 8, 8\): resize them"):
        stack_batch(([torch.rand(3, 8, 8), torch.rand(3, 4, 4)], [0, 1]))
