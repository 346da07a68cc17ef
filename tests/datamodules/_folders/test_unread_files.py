"""Files that are left out are named, unless a program made them for itself."""

from __future__ import annotations

import re
import shutil
import warnings

import pytest

from camaug.datamodules import ImageFolderDataModule, PhotoFolder
from tests.datamodules.conftest import save_image


def listed(root) -> ImageFolderDataModule:
    data = ImageFolderDataModule(str(root), image_size=24, num_workers=0)
    data.setup("fit")
    return data


@pytest.mark.parametrize("suffix", [".gif", ".jfif", ".jp2", ".avif", ".webp", ".JPG", ".tif"])
def test_every_format_that_pillow_reads_is_a_class_s_image(make_folder, suffix):
    root = make_folder(count=2)
    for number in range(6):
        path = save_image(root / "ant" / f"more{number}.png")
        if suffix in (".jp2", ".avif", ".gif", ".webp", ".tif"):
            save_image(path.with_suffix(suffix))
            path.unlink()
        else:
            save_image(path.with_suffix(".jpg"))
            path.with_suffix(".jpg").rename(path.with_suffix(suffix))
            path.unlink()
    data = listed(root)
    assert len(data.dataset("train")) + len(data.dataset("val")) == 10
    assert len(PhotoFolder(str(root)).photos) == 10


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (".heic", r"60 of 64 files in .*ant are left out: \.heic \(60\)"),
        (".xyz", r"60 of 64 files in .*ant are left out: \.xyz \(60\)"),
        ("", r"60 of 64 files in .*ant are left out: without a suffix \(60\)"),
    ],
)
def test_a_class_that_loses_most_of_its_files_is_named(make_folder, suffix, message):
    root = make_folder(count=4)
    for number in range(60):
        (root / "ant" / f"more{number}{suffix}").write_bytes(b"1")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        listed(root)
    assert any(re.search(message, str(each.message)) for each in caught)


def test_a_few_other_files_are_no_warning(make_folder):
    root = make_folder(count=4)
    (root / "ant" / "labels.csv").write_bytes(b"1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listed(root)


def test_images_beside_the_class_folders_are_a_warning(make_folder):
    root = make_folder()
    save_image(root / "loose.png")
    with pytest.warns(UserWarning, match=r"1 image in .* itself, such as loose.png, is left out"):
        listed(root)


@pytest.mark.parametrize("name", ["__MACOSX", ".git", "@eaDir", "lost+found", "$RECYCLE.BIN"])
def test_a_folder_of_the_system_is_no_class(make_folder, name):
    root = make_folder()
    shutil.copytree(root / "ant", root / name)
    shutil.copytree(root / "ant", root / "ant" / name)
    (root / "ant" / "Thumbs.db").write_bytes(b"1")
    (root / "ant" / "._000.jpg").write_bytes(b"1")
    data = listed(root)
    assert data.classes == ["ant", "bee"]
    assert len(data.dataset("train")) + len(data.dataset("val")) == 10
    assert len(PhotoFolder(str(root)).photos) == 10


def test_classes_of_one_image_are_named(make_folder):
    root = make_folder(classes=["ant", "bee", "fly"])
    for path in sorted((root / "fly").iterdir())[1:]:
        path.unlink()
    with pytest.warns(UserWarning, match=r"val with of 1 of 3 classes, fly: .* needs two images to be split"):
        listed(root)
