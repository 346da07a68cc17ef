"""Names of classes that look alike."""

from __future__ import annotations

import warnings

import pytest

from camaug.datamodules import ImageFolderDataModule
from camaug.datamodules._folders.alike_names import check_names_look_different, looks_like

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize("pair", [("ant", "ant "), ("red  fox", "red fox"), (COMPOSED, DECOMPOSED)])
def test_names_that_are_printed_alike_are_refused_and_escaped(pair, tmp_path):
    with pytest.raises(ValueError, match="look alike") as raised:
        check_names_look_different(tmp_path, ["bee", *pair])
    for name in pair:
        assert ascii(name) in str(raised.value)


def test_names_that_differ_in_case_are_a_warning(tmp_path):
    with pytest.warns(UserWarning, match=r"the class folders Bee, bee of .* differ in case alone"):
        check_names_look_different(tmp_path, ["Bee", "ant", "bee"])


def test_other_names_are_fine(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_names_look_different(tmp_path, ["ant", "bee", COMPOSED, "cafe", "m²", "m2"])
    assert looks_like(COMPOSED) == looks_like(DECOMPOSED) != looks_like("cafe")


def test_the_data_module_refuses_them(make_folder):
    with pytest.raises(ValueError, match="look alike"):
        ImageFolderDataModule(str(make_folder(classes=["ant", COMPOSED, DECOMPOSED])))


def test_splits_whose_classes_look_alike_are_told_apart(make_folder):
    make_folder("train", ["ant", COMPOSED])
    with pytest.raises(ValueError, match=r"Only in train: 'caf\\xe9'. Only in val: 'cafe\\u0301'"):
        ImageFolderDataModule(str(make_folder("val", ["ant", DECOMPOSED])))
