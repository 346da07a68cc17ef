from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

from camaug.training.check_checkpoint_data import check_checkpoint_data

PREPROCESSING = {"image_size": 64, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "crop_pct": 1.0}


def data(**changes):
    settings = {"classes": ["ant", "bee"], "image_size": 64, "mean": (0.5,) * 3, "std": (0.2,) * 3, "crop_pct": 1.0}
    return SimpleNamespace(**{**settings, **changes})


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            ["bee", "zebra"],
            r"on the 2 classes \[ant, bee\], and the data has the 2 classes \[bee, zebra\]: give it data",
        ),
        (["ant", "bee", "zebra"], r"the 3 classes \[ant, bee, zebra\]: give it data with these classes"),
        (["bee", "ant"], r"\[bee, ant\]: give the data its classes in the checkpoint's order"),
    ],
)
def test_other_classes_are_refused_with_both(classes, message):
    with pytest.raises(ValueError, match=message):
        check_checkpoint_data({"class_names": ["ant", "bee"]}, data(classes=classes))


def test_of_many_classes_the_first_are_named():
    names = [f"class {index}" for index in range(100)]
    with pytest.raises(ValueError, match=r"on the 100 classes \[class 0, .*, class 7, …\], and the data has"):
        check_checkpoint_data({"class_names": names}, data())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 96}, "data.image_size is 96, it was 64"),
        (
            {"mean": (0.4, 0.5, 0.5), "crop_pct": 0.875},
            r"data.crop_pct is 0.875, it was 1.0; data.mean is \(0.4, .*it was",
        ),
        ({"value_range": (0, 4095)}, r"data.value_range is \(0, 4095\), it was None"),
    ],
)
def test_other_images_are_a_warning_with_both(changes, message):
    with pytest.warns(UserWarning, match=message):
        check_checkpoint_data({"class_names": ["ant", "bee"], "preprocessing": PREPROCESSING}, data(**changes))


@pytest.mark.parametrize(
    ("checkpoint", "datamodule"),
    [
        ({"class_names": ["ant", "bee"], "preprocessing": PREPROCESSING}, data()),
        ({"class_names": ["ant", "bee"], "preprocessing": PREPROCESSING}, data(mean=(0.50001, 0.5, 0.5))),
        ({}, data()),
        ({"class_names": None, "preprocessing": None}, data()),
        ({"class_names": ["ant", "bee"], "preprocessing": PREPROCESSING}, None),
        ({"class_names": ["ant", "bee"], "preprocessing": PREPROCESSING}, data(classes=None, image_size=None)),
    ],
)
def test_what_is_the_same_or_unknown_passes(checkpoint, datamodule):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_checkpoint_data(checkpoint, datamodule)
