"""The division of labelled images into training and validation images."""

from __future__ import annotations

from collections import Counter

import pytest

from camaug.datamodules._folders.stratified_split import stratified_split


def test_stratified_split():
    targets = [0] * 50 + [1] * 2 + [2]
    train, val = stratified_split(targets, 0.2, seed=0)
    assert sorted(train + val) == list(range(53))
    assert Counter(targets[index] for index in train) == {0: 40, 1: 1, 2: 1}
    assert Counter(targets[index] for index in val) == {0: 10, 1: 1}
    assert stratified_split(targets, 0.99, seed=0)[0], "even then something is left to train on"
    with pytest.raises(ValueError, match=r"above 0 and below 1, got 1.5"):
        stratified_split(targets, 1.5, seed=0)
