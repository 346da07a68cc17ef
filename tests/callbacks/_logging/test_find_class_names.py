"""Class names, as the data describe them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch.utils.data import Subset

from camaug.callbacks._logging.find_class_names import find_class_names
from tests.toys import Blobs


def test_the_data_module_comes_before_the_data_set():
    trainer = SimpleNamespace(datamodule=SimpleNamespace(classes=("a", 2)))
    assert find_class_names(trainer, Blobs()) == ["a", "2"]


def test_the_innermost_data_set_is_found():
    assert find_class_names(SimpleNamespace(), Subset(Blobs(), [0])) == list(Blobs.classes)


@pytest.mark.parametrize(
    "dataset",
    [
        SimpleNamespace(class_names=["ant", "bee"]),
        SimpleNamespace(classes=2, class_to_idx={"bee": 1, "ant": 0}),
        SimpleNamespace(features={"image": object(), "label": SimpleNamespace(names=["ant", "bee"])}),
    ],
)
def test_other_usual_places(dataset):
    assert find_class_names(SimpleNamespace(), dataset) == ["ant", "bee"]


def test_names_of_two_features_are_ambiguous():
    labels = {name: SimpleNamespace(names=["a", "b"]) for name in ("coarse", "fine")}
    assert find_class_names(SimpleNamespace(), SimpleNamespace(features=labels)) is None


def test_classes_that_are_no_list_are_not_names():
    assert find_class_names(SimpleNamespace(datamodule=SimpleNamespace(classes=3)), [1]) is None
