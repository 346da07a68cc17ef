"""Layouts of image folders, and folders that cannot be used."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.datamodules.folder_data import folder_module, noise, split_paths


@pytest.mark.parametrize("val", ["val", "validation", "valid", "dev", "test", "Val", "VALIDATION"])
def test_a_divided_folder_keeps_its_splits(make_folder, val):
    make_folder("train", count=5)
    root = make_folder(val, count=2)
    data = folder_module(root)
    assert data.classes == ["ant", "bee"]
    assert data.num_classes == 2
    data.setup()
    assert len(data.dataset("train")) == 10
    assert len(data.dataset("val")) == 4
    assert all(val in Path(path).parts for path in split_paths(data, "val"))
    assert split_paths(data, "test") == split_paths(data, "val")


@pytest.mark.parametrize(("train", "val"), [("Train", "Val"), ("training", "validation"), ("TRAIN", "dev")])
def test_splits_of_other_spellings_are_no_classes(train, val, make_folder):
    make_folder(train, count=3)
    data = folder_module(make_folder(val, count=2))
    data.setup()
    assert data.classes == ["ant", "bee"]
    assert (len(data.dataset("train")), len(data.dataset("val"))) == (6, 4)


def test_two_folders_of_one_split_are_refused(make_folder):
    make_folder("train")
    make_folder("validation")
    with pytest.raises(ValueError, match=r"2 folders for the split 'val': valid, validation. Keep one, or rename one"):
        folder_module(make_folder("valid"))


def test_a_link_to_a_folder_above_it_is_refused(make_folder):
    root = make_folder("train", count=2)
    (root / "train" / "ant" / "again").symlink_to(root / "train")
    with pytest.raises(ValueError, match=r"again is a link to .*train, a folder that it is in: remove the link"):
        folder_module(root).setup()


def test_a_linked_folder_is_read_once(make_folder, tmp_path):
    root = make_folder("train", count=2)
    (tmp_path / "elsewhere").mkdir()
    noise().save(tmp_path / "elsewhere" / "photo.png")
    for name in ("link", "second link"):
        (root / "train" / "ant" / name).symlink_to(tmp_path / "elsewhere")
    data = folder_module(root)
    data.setup()
    paths = [path for split in ("train", "val") for path in split_paths(data, split)]
    assert sum(path.endswith("photo.png") for path in paths) == 1
    assert len(paths) == 5


def test_a_class_that_validation_lacks_is_a_warning(make_folder):
    root = make_folder(".", count=4)
    for path in sorted((root / "bee").iterdir())[1:]:
        path.unlink()
    data = folder_module(make_folder(".", classes=["cat"], count=4))
    with pytest.warns(UserWarning, match="no image to val with of 1 of 3 classes, bee: their accuracy is not measured"):
        data.setup("fit")


def test_a_test_folder_is_used_for_testing(make_folder):
    make_folder("train")
    make_folder("val", count=2)
    data = folder_module(make_folder("test", count=3))
    data.setup()
    assert len(data.dataset("val")) == 4
    assert len(data.dataset("test")) == 6
    assert all("test" in Path(path).parts for path in split_paths(data, "test"))


def test_an_unlabelled_test_folder_matters_only_for_testing(make_folder):
    make_folder("train")
    make_folder("val", count=2)
    data = folder_module(make_folder("test", classes=["unknown"]))
    data.setup("fit")
    with pytest.raises(ValueError, match=r"Only in train: ant, bee. Only in test: unknown"):
        data.setup("test")


@pytest.mark.parametrize("name", [".", "train"])
def test_one_folder_is_split(make_folder, name):
    data = folder_module(make_folder(name, count=10))
    data.setup()
    train, val = data.dataset("train"), data.dataset("val")
    assert Counter(train.targets) == {0: 8, 1: 8}
    assert Counter(val.targets) == {0: 2, 1: 2}
    assert not set(split_paths(data, "train")) & set(split_paths(data, "val"))
    assert split_paths(data, "test") == split_paths(data, "val")


def test_split_is_the_same_every_time_and_follows_its_seed(make_folder):
    root = make_folder(count=10)
    first, again, other = folder_module(root), folder_module(root), folder_module(root, split_seed=1)
    for data in (first, again, other):
        data.setup("fit")
    assert split_paths(first, "val") == split_paths(again, "val")
    assert split_paths(first, "val") != split_paths(other, "val")


def test_nested_files_are_found_and_hidden_files_ignored(make_folder):
    root = make_folder(count=3)
    nested = root / "ant" / "deeper" / "x.PNG"
    nested.parent.mkdir()
    noise().save(nested)
    for hidden in (root / ".cache" / "x.jpg", root / "ant" / ".thumbs" / "x.jpg", root / "bee" / "._000.jpg"):
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(b"")
    (root / "ant" / "notes.txt").write_text("not an image")
    data = folder_module(root)
    assert data.classes == ["ant", "bee"]
    data.setup("fit")
    image_paths = split_paths(data, "train") + split_paths(data, "val")
    assert len(image_paths) == 7
    assert str(nested) in image_paths


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist. Expected a folder with train/ and val/"):
        folder_module(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="file is a file"):
        folder_module(tmp_path / "file")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no class folders in .*: found an empty folder. .*\.jpg, .*\.png"):
        folder_module(tmp_path)


def test_validation_images_of_one_class_are_a_warning(make_folder):
    make_folder("train")
    root = make_folder("val")
    for path in (root / "val/bee").iterdir():
        path.unlink()
    data = folder_module(root)
    with pytest.warns(
        UserWarning, match=r"all images to val with are of one class, 'ant': .* other classes too \(bee\)"
    ):
        data.setup("fit")


def test_images_without_class_folders_are_refused(tmp_path):
    noise().save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="found 1 images that are in no class folder"):
        folder_module(tmp_path)


def test_a_class_folder_without_images_is_refused(make_folder):
    root = make_folder()
    (root / "wasp").mkdir()
    (root / "wasp" / "a.heic").write_text("")
    message = r"no images in 1 of 3 class folders .*: wasp. Expected files that end in \.jpg.*1 \.heic file is left out"
    with pytest.raises(ValueError, match=message):
        folder_module(root)


def test_a_single_class_is_refused(make_folder):
    with pytest.raises(ValueError, match=r"only one class in .*: 'ant'"):
        folder_module(make_folder(classes=["ant"]))


def test_different_classes_in_the_splits_are_refused(make_folder):
    make_folder("train", classes=["ant", "bee", "wasp"])
    with pytest.raises(ValueError, match=r"Only in train: bee, wasp. Only in val: fly"):
        folder_module(make_folder("val", classes=["ant", "fly"]))


def test_one_image_per_class_is_refused(make_folder):
    data = folder_module(make_folder(count=1))
    with pytest.raises(ValueError, match=r"no readable image to val with .*: ant, bee. Give every class at least two"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "`batch_size` .* at least 1, got 0"),
        ({"num_workers": -1}, "`num_workers` .* 0 or more, got -1"),
        ({"image_size": 0}, "`image_size` .* at least 1, got 0"),
        ({"val_fraction": 0.0}, "`val_fraction` .* got 0.0"),
        ({"split_seed": -1}, "`split_seed` must be 0 or more, got -1"),
        ({"on_bad_image": "ignore"}, "`on_bad_image` is 'error' or 'skip', got 'ignore'"),
        ({"crop_scale": (0.9, 0.5)}, r"`crop_scale` .* got \(0.9, 0.5\)"),
        ({"crop_pct": 1.2}, "`crop_pct` .* got 1.2"),
        ({"hflip": 2.0}, "`hflip` is a probability, between 0 and 1, got 2.0"),
        ({"std": (1.0, 1.0, 0.0)}, "`std` above 0, got"),
    ],
)
def test_impossible_settings_are_refused(make_folder, settings, message):
    with pytest.raises(ValueError, match=message):
        folder_module(make_folder(), **settings)
