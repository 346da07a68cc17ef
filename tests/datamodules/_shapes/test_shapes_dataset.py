"""The data set of drawn images: the same in every process, balanced, with masks and boxes."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch

from tests.datamodules.shapes_data import raw_shapes
from tests.processes import run_program

DIGEST = """
import hashlib
from camaug.datamodules._shapes.shapes_dataset import ShapesDataset
from torchvision.transforms import v2
data = ShapesDataset(12, v2.PILToTensor(), num_classes=8, seed=5)
print(hashlib.sha256(b"".join(data[index][0].numpy().tobytes() for index in range(12))).hexdigest())
"""


def test_same_bytes_in_another_process():
    data = raw_shapes(12, num_classes=8, seed=5)
    here = hashlib.sha256(b"".join(data[index][0].numpy().tobytes() for index in range(12))).hexdigest()
    there = run_program("-c", DIGEST)
    assert there.stdout.strip() == here


def test_the_global_random_state_does_not_matter():
    data = raw_shapes()
    np.random.seed(0)
    before, state = data[3][0], np.random.get_state()[1].copy()
    torch.manual_seed(1)
    assert torch.equal(data[3][0], before)
    assert np.array_equal(np.random.get_state()[1], state)


def test_a_larger_set_begins_with_the_smaller():
    small, large = raw_shapes(13, background_bias=0.5), raw_shapes(50, background_bias=0.5)
    assert large.targets[:13] == small.targets
    assert large.backgrounds[:13] == small.backgrounds
    assert torch.equal(large[12][0], small[12][0])


def test_seeds_splits_and_indices_give_different_images():
    images = [
        raw_shapes()[0],
        raw_shapes()[1],
        raw_shapes(seed=1)[0],
        raw_shapes(split="val")[0],
        raw_shapes(split="test")[0],
    ]
    assert len({image.numpy().tobytes() for image, _ in images}) == 5


def test_classes_are_balanced_and_mixed():
    data = raw_shapes(60)
    assert Counter(data.targets) == dict.fromkeys(range(6), 10)
    assert data.targets != sorted(data.targets)
    assert data.targets != [index % 6 for index in range(60)]
    assert all(data[index][1] == data.targets[index] for index in range(6))
    assert data.classes == ["disc", "square", "triangle", "star", "cross", "ring"]


def test_mask_and_box_agree():
    data = raw_shapes(32, num_classes=8)
    for index in range(len(data)):
        mask = data.object_mask(index)
        x0, y0, x1, y1 = data.object_box(index)
        assert mask.shape == (96, 96)
        assert mask.dtype == torch.bool
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 0
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()
        assert 0.15 * 96 < max(x1 - x0, y1 - y0) < 0.58 * 96


def test_background_bias_moves_no_object():
    plain, biased = raw_shapes(), raw_shapes(background_bias=1.0)
    assert plain.targets == biased.targets
    assert all(torch.equal(plain.object_mask(index), biased.object_mask(index)) for index in range(len(plain)))
    assert not torch.equal(plain[0][0], biased[0][0]) or plain.backgrounds[0] == biased.backgrounds[0]


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="`split` is one of train, val, test, got 'dev'"):
        raw_shapes(split="dev")
