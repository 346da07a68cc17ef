"""The line that a training run prints about its data."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader, IterableDataset

from camaug._cli.data_line import data_line


class Photos(list):
    """Data set with labels."""

    def __init__(self, photos) -> None:
        super().__init__(photos)
        self.targets = [0, 1, 1]


def trainer(classes, train, val, steps: int) -> SimpleNamespace:
    return SimpleNamespace(
        datamodule=SimpleNamespace(classes=classes),
        train_dataloader=train,
        val_dataloaders=val,
        num_training_batches=steps,
    )


@pytest.mark.parametrize(
    ("classes", "steps", "line"),
    [
        (["ant", "bee"], 12, "data: 2 classes (ant 1, bee 2), 3 training and 5 validation images, 12 steps an epoch"),
        (
            ["ant", "bee"],
            1,
            "data: 2 classes (ant 1, bee 2), 3 training and 5 validation images, 1 step an epoch, which is few: a "
            "smaller --data.batch_size makes more of them",
        ),
        ([*map(str, range(11))], 12, "data: 11 classes, 3 training and 5 validation images, 12 steps an epoch"),
        (None, 12, None),
    ],
)
def test_classes_images_and_steps(classes, steps, line):
    assert data_line(trainer(classes, DataLoader(Photos([1, 2, 3])), [DataLoader([0] * 5)], steps)) == line


def test_a_stream_has_no_line_and_no_validation_is_not_named():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(())

    assert data_line(trainer(["ant"], DataLoader(Stream()), None, 3)) is None
    line = data_line(trainer(["ant", "bee"], DataLoader(Photos([1, 2, 3])), None, 20))
    assert line == "data: 2 classes (ant 1, bee 2), 3 training images, 20 steps an epoch"
