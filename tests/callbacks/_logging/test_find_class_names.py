"""Class names, as the data describe them."""

from __future__ import annotations

from types import SimpleNamespace

from torch.utils.data import Subset

from camaug.callbacks._logging.find_class_names import find_class_names
from tests.toys import Blobs


def test_the_data_module_comes_before_the_data_set():
    trainer = SimpleNamespace(datamodule=SimpleNamespace(classes=("a", 2)))
    assert find_class_names(trainer, Blobs()) == ["a", "2"]


def test_the_innermost_data_set_is_found():
    assert find_class_names(SimpleNamespace(), Subset(Blobs(), [0])) == list(Blobs.classes)


def test_classes_that_are_no_list_are_not_names():
    assert find_class_names(SimpleNamespace(datamodule=SimpleNamespace(classes=3)), [1]) is None
