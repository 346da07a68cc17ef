from __future__ import annotations

from types import SimpleNamespace

import pytest

from camaug.training.data_facts import class_names, evaluation_preprocessing


@pytest.mark.parametrize(
    ("classes", "names"),
    [(["ant", "bee"], ["ant", "bee"]), (("ant", 7), ["ant", "7"]), (["ant"], None), ({"ant": 0, "bee": 1}, None)],
)
def test_class_names_are_one_for_each_class_or_none(classes, names):
    assert class_names(SimpleNamespace(classes=classes), 2) == names
    assert class_names(None, 2) is None


def test_preprocessing_is_in_plain_types():
    data = SimpleNamespace(image_size=32.0, mean=[0, 0.5, 1], std=(1, 1, 1))
    expected = {"image_size": 32, "mean": (0.0, 0.5, 1.0), "std": (1.0, 1.0, 1.0), "crop_pct": 1.0}
    assert evaluation_preprocessing(data) == expected
    assert evaluation_preprocessing(SimpleNamespace(**vars(data), crop_pct=0.875))["crop_pct"] == 0.875


@pytest.mark.parametrize("name", ["image_size", "mean", "std"])
def test_preprocessing_is_none_unless_all_of_it_is_known(name):
    data = SimpleNamespace(image_size=32, mean=[0.5], std=[0.5])
    setattr(data, name, None)
    assert evaluation_preprocessing(data) is None
