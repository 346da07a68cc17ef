"""Image files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from camaug.datamodules._folders.bad_images import find_bad_images, report_bad
from tests.datamodules.folder_data import cut_off, folder_module, noise, split_paths


def truncated_jpeg(path: Path) -> Path:
    noise().save(path.with_suffix(".jpg"))
    return cut_off(path.with_suffix(".jpg"))


def truncated_progressive_jpeg(path: Path) -> Path:
    noise().save(path.with_suffix(".jpg"), progressive=True)
    return cut_off(path.with_suffix(".jpg"))


def truncated_png(path: Path) -> Path:
    noise().save(path.with_suffix(".png"))
    return cut_off(path.with_suffix(".png"))


def zero_bytes(path: Path) -> Path:
    path.with_suffix(".jpg").write_bytes(b"")
    return path.with_suffix(".jpg")


def text_called_jpg(path: Path) -> Path:
    path.with_suffix(".jpg").write_text("<html>404 not found</html>")
    return path.with_suffix(".jpg")


def dangling_link(path: Path) -> Path:
    path.with_suffix(".jpg").symlink_to(path.parent / "moved_away.jpg")
    return path.with_suffix(".jpg")


BREAKAGES = [
    truncated_jpeg,
    truncated_progressive_jpeg,
    truncated_png,
    zero_bytes,
    text_called_jpg,
    dangling_link,
]


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_bad_image_is_an_error_before_training(make_folder, breakage):
    root = make_folder()
    bad = breakage(root / "ant" / "broken")
    data = folder_module(root)
    with pytest.raises(ValueError, match=rf"(?s)1 of \d+ images cannot be read:.*{bad.name}: .*`on_bad_image: skip`"):
        data.setup("fit")


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("check_images", [None, False])
def test_bad_image_is_skipped_with_a_warning(make_folder, breakage, check_images):
    root = make_folder()
    bad = breakage(root / "ant" / "broken")
    data = folder_module(root, on_bad_image="skip", check_images=check_images)
    with pytest.warns(UserWarning, match=rf"(?s)1 of \d+ images cannot be read:.*{bad.name}: .*left out"):
        data.setup("fit")
    assert data.skipped_images == [str(bad)]
    assert len(data.dataset("train")) + len(data.dataset("val")) == 10
    for split in ("train", "val"):
        for index in range(len(data.dataset(split))):
            data.dataset(split)[index]


def test_an_image_that_is_too_large_is_bad(make_folder, monkeypatch):
    root = make_folder()
    noise(size=200).save(root / "ant" / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64)
    with pytest.raises(ValueError, match=r"huge.png: DecompressionBombError"):
        folder_module(root).setup("fit")


def test_an_image_that_breaks_later_is_named(make_folder):
    root = make_folder()
    data = folder_module(root)
    data.setup("fit")
    victim = Path(data.dataset("train").samples[3][0])
    cut_off(victim, share=0.5)
    with pytest.raises(OSError, match=f"cannot read image .*{victim.name}.*truncated"):
        data.dataset("train")[3]


def test_unchecked_images_are_not_decoded(make_folder):
    root = make_folder()
    zero_bytes(root / "ant" / "broken")
    folder_module(root, check_images=False).setup("fit")


def test_a_class_of_bad_images_only_is_an_error_even_when_skipping(make_folder):
    root = make_folder(count=2)
    for path in (root / "ant").iterdir():
        path.write_bytes(b"")
    data = folder_module(root, on_bad_image="skip")
    with (
        pytest.warns(UserWarning, match="images cannot be read"),
        pytest.raises(ValueError, match=r"no readable image to train with .*: ant"),
    ):
        data.setup("fit")


def test_repairing_an_image_does_not_move_the_others_between_the_splits(make_folder):
    root = make_folder(count=10)
    sound = folder_module(root)
    sound.setup("fit")
    Path(sound.dataset("val").samples[0][0]).write_bytes(b"")
    broken = folder_module(root, on_bad_image="skip")
    with pytest.warns(UserWarning, match="1 of 4 images"):
        broken.setup("fit")
    assert split_paths(broken, "train") == split_paths(sound, "train")
    assert split_paths(broken, "val") == split_paths(sound, "val")[1:]


def test_ten_bad_images_are_named_and_all_counted(tmp_path):
    for index in range(13):
        zero_bytes(tmp_path / f"{index:02d}")
    files = sorted(str(path) for path in tmp_path.iterdir())
    bad = find_bad_images(files)
    with pytest.raises(ValueError, match=r"13 of 20 cannot be read:\n") as raised:
        report_bad(bad, "13 of 20 cannot be read", "on_bad_image", "error")
    assert str(raised.value).count(".jpg: ") == 10
    assert "\n  and 3 more\n" in str(raised.value)
