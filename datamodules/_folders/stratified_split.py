"""A division of labelled images into training and validation images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["stratified_split"]


def stratified_split(targets: Sequence[int], val_fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Split by class, so that both parts have every class in the same proportion.

    A class of two or more images has at least one in either part; a single image is trained on. The same arguments
    give the same split on every machine, and the split of a class does not depend on the other classes.

    Args:
        targets: Label of each image.
        val_fraction: Share of each class to validate on, above 0 and below 1.
        seed: Number of the split; different numbers give different splits.

    Returns:
        The indices of the training images and of the validation images, each in ascending order.

    Raises:
        ValueError: If `val_fraction` or `seed` is impossible.

    Example:
        >>> stratified_split([0, 0, 0, 0, 1, 1], val_fraction=0.25, seed=0)
        ([0, 1, 3, 5], [2, 4])
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f"`val_fraction` is the share to validate on, above 0 and below 1, got {val_fraction}")
    if seed < 0:
        raise ValueError(f"`split_seed` must be 0 or more, got {seed}")
    labels = np.asarray(targets, dtype=np.int64)
    train: list[int] = []
    val: list[int] = []
    for label in np.unique(labels):
        members = np.random.default_rng([seed, int(label)]).permutation(np.flatnonzero(labels == label))
        held_out = min(len(members) - 1, max(1, round(len(members) * val_fraction)))
        val.extend(members[:held_out].tolist())
        train.extend(members[held_out:].tolist())
    return sorted(train), sorted(val)
