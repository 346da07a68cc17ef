from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from camaug.augmentation.batch_leaves import batch_leaves, select

IMAGES, LABELS = torch.zeros(2, 3, 4, 4), torch.tensor([0, 1])
Pair = namedtuple("Pair", "image label")


@dataclass
class Record:
    image: torch.Tensor
    label: torch.Tensor


class OwnBatch:
    """A batch class as projects write them: attributes and a ``to`` method."""

    def __init__(self) -> None:
        self.image, self.label, self._cache = IMAGES, LABELS, torch.zeros(1)

    def to(self, device):
        return self


@pytest.mark.parametrize(
    ("batch", "paths"),
    [
        (IMAGES, [()]),
        ([IMAGES, LABELS], [("0",), ("1",)]),
        ({"a": {"b": IMAGES}, "c": LABELS}, [("a", "b"), ("c",)]),
        (Pair(IMAGES, LABELS), [("image",), ("label",)]),
        (Record(IMAGES, LABELS), [("image",), ("label",)]),
        (SimpleNamespace(image=IMAGES, label=LABELS), [("image",), ("label",)]),
        (OwnBatch(), [("image",), ("label",)]),
        ((IMAGES, ["name", 3, None]), [("0",)]),
    ],
)
def test_every_container_is_walked(batch, paths):
    leaves = batch_leaves(batch)
    assert [leaf.path for leaf in leaves] == paths
    assert leaves[0].tensor is IMAGES


def test_a_leaf_has_its_path():
    leaf = batch_leaves((IMAGES, {"Class_ID": LABELS}))[1]
    assert str(leaf) == '"1.Class_ID" int64 (2,)'
    assert leaf.name == "class_id"
    assert str(batch_leaves(IMAGES)[0]) == "the batch itself float32 (2, 3, 4, 4)"


@pytest.mark.parametrize(
    ("batch", "selector"),
    [
        ((IMAGES, LABELS), 1),
        ((IMAGES, LABELS), "1"),
        ((IMAGES, {"class_id": LABELS}), "1.class_id"),
        ({"a.b": LABELS}, "a.b"),
        ({1: LABELS}, "1"),
        (Record(IMAGES, LABELS), "label"),
        (Pair(IMAGES, LABELS), "label"),
        (OwnBatch(), "label"),
        ((IMAGES, LABELS), lambda batch: batch[1]),
    ],
)
def test_selectors(batch, selector):
    assert select(batch, selector) is LABELS


@pytest.mark.parametrize("selector", ["2", "label", "1.class_id", 5])
def test_a_part_that_is_not_there(selector):
    with pytest.raises(
        ValueError, match=rf'the batch, a tuple, has no part .*{selector}.*"0" float32.*"1" int64 \(2,\)'
    ):
        select((IMAGES, LABELS), selector)
