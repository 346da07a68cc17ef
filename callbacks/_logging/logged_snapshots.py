"""Snapshots whose images are written to TensorBoard."""

from __future__ import annotations

from math import ceil

__all__ = ["logs_images_of"]

SNAPSHOTS_WITH_ALL_IMAGES = 20
TENSORBOARD_KEEPS = 10
FIRST_SNAPSHOTS = 12


def logs_images_of(number: int, planned: int | None) -> bool:
    """Return True if the images of a snapshot are written to TensorBoard, whose Images tab keeps ten.

    Up to 20 planned snapshots, all are written. Of more, the first, the last and about ten between them are. If the
    number is unknown, the first twelve are written, and the distance doubles each time that the number has doubled.

    Args:
        number: Number of snapshots before this one in the training run.
        planned: Number of snapshots in the whole training run, None if it is unknown.

    Example:
        >>> [number for number in range(100) if logs_images_of(number, 100)]
        [0, 9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
        >>> [number for number in range(10, 100) if logs_images_of(number, None)]
        [10, 11, 13, 15, 17, 19, 21, 23, 27, 31, 35, 39, 43, 47, 55, 63, 71, 79, 87, 95]
    """
    if planned is None:
        return (number + 1) % _unplanned_distance(number + 1) == 0
    if planned <= SNAPSHOTS_WITH_ALL_IMAGES:
        return True
    return (number + 1) % ceil(planned / TENSORBOARD_KEEPS) == 0 or number in (0, planned - 1)


def _unplanned_distance(count: int) -> int:
    """Return the smallest power of 2 by which so many snapshots are thinned to twelve or fewer."""
    return 1 << (ceil(count / FIRST_SNAPSHOTS) - 1).bit_length()
