from __future__ import annotations

import os
import unicodedata

import pytest

from camaug.utils.portable_names import LARGEST, portable_name, portable_names, same_file_key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("red fox", "red fox"),
        ("Größe, 3 %", "Größe, 3 %"),
        ('<a>:b"c/d\\e|f?g*h', "_a__b_c_d_e_f_g_h"),
        ("tab\there\x00\x7f", "tab_here__"),
        ("dog.", "dog_"),
        ("dog. .", "dog___"),
        ("..", "__"),
        (".hidden", ".hidden"),
        ("con", "con_"),
        ("Aux.tar.gz", "Aux_.tar.gz"),
        ("COM9", "COM9_"),
        ("com1 .x", "com1 _.x"),
        ("com10", "com10"),
        ("console", "console"),
        ("", "unnamed"),
    ],
)
def test_a_name_that_is_valid_on_every_system(name, expected):
    assert portable_name(name) == expected
    assert portable_name(expected) == expected


@pytest.mark.parametrize("character", ["a", "é", "猫", "\udcff"])
def test_a_name_that_is_too_long_is_cut_between_characters_and_stays_different(character):
    names = [character * 500 + end for end in "xy"]
    first, second = (portable_name(name) for name in names)
    assert first != second
    for name in (first, second):
        assert LARGEST - 4 < len(name.encode(errors="surrogatepass")) <= LARGEST
        assert name.startswith(character)


def test_different_names_are_different_files_where_case_and_normalisation_do_not_count(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    names = ["cat", "Cat", "a?", "a*", composed, decomposed, "STRASSE", "straße", "lone"]
    portable = portable_names(names)
    assert list(portable) == names
    assert len({same_file_key(each) for each in portable.values()}) == len(names)
    assert portable["lone"] == "lone"
    for each in portable.values():
        (tmp_path / each).write_bytes(b"")
    assert len(os.listdir(tmp_path)) == len(names)


def test_the_name_of_a_class_does_not_depend_on_the_order():
    assert portable_names(["b?", "b*"]) == portable_names(["b*", "b?"])
