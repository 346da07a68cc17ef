"""Refused values of the argument parser, in plain sentences.

tests/test_cli.py has those of the real parser.
"""

from __future__ import annotations

import pytest

import camaug.datamodules  # noqa: F401 - its classes are suggested
from camaug._cli.refused_value import refused_value
from camaug.explainers.methods.grad_cam import GradCAM

NUMBER = """Does not validate against any of the Union subtypes
  Subtypes: [<class 'int'>, <class 'NoneType'>]
  Errors:
    - Expected a <class 'int'>
    - Expected a <class 'NoneType'>
  Given value type: <class 'str'>
  Given value: many"""
DATA = """Does not validate against any of the Union subtypes
  Subtypes: [<class 'lightning.pytorch.core.datamodule.LightningDataModule'>, <class 'NoneType'>]
  Errors:
    - {problem}
    - Expected a <class 'NoneType'>
  Given value type: <class 'jsonargparse._util.NestedArg'>
  Given value: NestedArg(key='root', val='images')"""
FOLDER = "Problem with given class_path 'camaug.datamodules.ImageFolderDataModule':\n        "
BASE = "Problem with given class_path 'lightning.LightningDataModule':\n        Option 'root' is not accepted"
EXPLAINER = """Does not validate against any of the Union subtypes
  Subtypes: [<class 'str'>, <class 'camaug.explainers.base.Explainer'>]
  Errors:
    - Expected a <class 'str'>
    - Expected a dot import path string: {name}
  Given value type: <class 'jsonargparse._util.NestedArg'>
  Given value: NestedArg(key='layer', val='layer3')"""


@pytest.mark.parametrize(
    ("key", "message", "sentence"),
    [
        ("cam.num_images", NUMBER, "`cam.num_images` must be an integer or null, got many"),
        ("trainer.x", "Expected a <class 'float'>. Got value: x", "`trainer.x` must be a number, got x"),
        ("data", DATA.format(problem=FOLDER + 'Parser key "batch_size":\n Expected a <class \'int\'>. Got value: x'),
         "`data.batch_size` must be an integer, got x"),
        ("data", DATA.format(problem=FOLDER + "the following arguments are required: root"),
         "`data`: ImageFolderDataModule needs root: give --data.root VALUE"),
        ("data", DATA.format(problem=BASE),
         "`data.root` needs the class beside it: --data CLASS, where CLASS is one of BoxesDataModule, ImageFolder"),
        ("data", DATA.format(problem="Expected a dot import path string: ImageFolder").replace("NestedArg(", "("),
         "`data` must be the name of a class, got 'ImageFolder', did you mean 'ImageFolderDataModule'"),
        ("cam.explainer", EXPLAINER.format(name="GradCAMM"),
         "`cam.explainer`: unknown class 'GradCAMM', did you mean 'GradCAM'"),
        ("cam.explainer", EXPLAINER.format(name="grad-cam"),
         "`cam.explainer.layer` needs the class beside it, not the name 'grad-cam': "
         "--cam.explainer GradCAM --cam.explainer.layer layer3"),
        ("data", DATA.format(problem="Problem with given class_path 'nowhere.Absent':\n Option 'root' is not accepted"),
         "`data`: Absent: Option 'root' is not accepted"),
        ("data", DATA.format(problem="Problem with given class_path 'nowhere.Absent':\n No module named 'nowhere'"),
         "`data`: there is no class 'nowhere.Absent' (No module named 'nowhere'), in "),
        ("experiment", "Expected a dot import path string: InsertionDeletio",
         "`experiment` must be the name of a class, got 'InsertionDeletio', did you mean 'InsertionDeletionExper"),
        ("data", "--data.help: Expected a dot import path string: PhotoFoldr",
         "`data` must be the name of a class, got 'PhotoFoldr', did you mean 'PhotoFolder'"),
        ("x", "something else", "something else"),
    ],
)  # fmt: skip
def test_each_kind_is_one_sentence(key, message, sentence):
    assert refused_value(key, message).startswith(sentence)


def test_a_registered_name_is_not_that_of_a_derived_class():
    class Derived(GradCAM):
        """Class that inherits the registered name."""

    assert Derived.name == "grad-cam"
    assert "--cam.explainer GradCAM " in refused_value("cam.explainer", EXPLAINER.format(name="grad-cam"))
