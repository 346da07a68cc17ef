"""Images of more than 8 bits, and of formats that cannot be read here, in the data modules."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from camaug.datamodules import PhotoFolder
from tests.datamodules.box_data import draw_module
from tests.datamodules.folder_data import folder_module, noise
from tests.images.deep_files import ramp, write_png16

PLAIN = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "image_size": 16, "crop_pct": 1.0, "hflip": 0.0}
SQUARE = ramp(4095, height=16)


def save_folder(root: Path, pixels: np.ndarray = SQUARE, suffix: str = ".png", count: int = 3) -> Path:
    """Save images in two class folders."""
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(pixels).save(root / name / f"{index}{suffix}")
    return root


@pytest.mark.parametrize("value_range", [(0, 4095), [0, 4095], "percentiles"])
def test_a_range_of_values_is_that_of_every_image(tmp_path, value_range):
    data = folder_module(save_folder(tmp_path), **PLAIN, value_range=value_range)
    data.setup("fit")
    image, _ = data.dataset("val")[0]
    expected = [0, 85, 170, 255]
    assert (image[0, 0, ::5] * 255).round().tolist() == expected
    image, _ = data.dataset("train")[0]
    assert image.max() > 0.5
    photos = PhotoFolder(str(tmp_path), num_workers=0, transform=v2.PILToTensor(), value_range=value_range)
    assert next(iter(photos.predict_dataloader())).images[0, 0, 0, ::5].tolist() == expected
    assert photos.preprocessing.settings["value_range"] == value_range


def test_images_of_12_bits_in_16_are_a_warning(tmp_path):
    grey, colours = save_folder(tmp_path / "grey"), save_folder(tmp_path / "colours")
    for path in colours.rglob("*.png"):
        write_png16(path, np.repeat(SQUARE[..., None], 3, axis=2))
    for root in (grey, colours):
        data = folder_module(root, **PLAIN)
        with pytest.warns(UserWarning, match=r"such as .*png, are nearly black: .* value_range=\(0, 4095\)"):
            data.setup("fit")


@pytest.mark.parametrize("pixels", [ramp(65535, height=16), np.zeros((16, 16), np.uint8)])
def test_other_images_need_no_range(tmp_path, pixels):
    data = folder_module(save_folder(tmp_path, pixels), **PLAIN)
    data.setup("fit")
    assert data.dataset("val")[0][0].max() == (1 if pixels.any() else 0)


def test_floating_point_images_beyond_the_unit_need_a_range(tmp_path):
    root = save_folder(tmp_path, SQUARE.astype(np.float32), ".tif")
    with pytest.raises(ValueError, match=r"4 of 4 images cannot be read:\n.*0.tif: ValueError: .*from 0 to 4095"):
        folder_module(root, **PLAIN).setup("fit")
    folder_module(root, **PLAIN, value_range=(0, 4095)).setup("fit")


def test_an_impossible_range_is_refused(tmp_path):
    root = save_folder(tmp_path)
    for make in (folder_module, lambda root, **settings: PhotoFolder(str(root), **settings)):
        with pytest.raises(ValueError, match=r"`value_range` is the values that become black .* got \(5, 1\)"):
            make(root, value_range=(5, 1))


def test_boxes_have_images_of_more_than_8_bits_too(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.heic").write_text("")
    with pytest.warns(UserWarning, match=r"images in .*: 1 .heic file is left out: pip install pillow-heif"):
        data = draw_module(tmp_path, value_range=(0, 4095))
    before = data.boxes_dataset()[0].image
    for path in (tmp_path / "images").rglob("*.png"):
        write_png16(path, np.asarray(Image.open(path)).astype(np.uint16) << 4)
    assert torch.equal(data.boxes_dataset()[0].image, before)


def test_images_that_cannot_be_read_here_are_counted(tmp_path):
    root = save_folder(tmp_path, np.asarray(noise(size=16)), ".gif")
    for name in ("a.heic", "b.HEIC", "c.dng", ".hidden.heic", "notes.txt"):
        (root / "ant" / name).write_text("")
    sentence = r"images in .*: 1 .dng file is left out: convert them .*; 2 .heic files are left out: pip install"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = folder_module(root, **PLAIN)
        data.setup("fit")
    of_all, of_class = (str(each.message) for each in caught)
    assert re.match(sentence, of_all)
    assert "4 of 7 files in" in of_class  # notes.txt is one of them
    assert len(data.dataset("train")) + len(data.dataset("val")) == 6
    with pytest.warns(UserWarning, match=sentence):
        photos = PhotoFolder(str(root))
    assert len(photos.photos) == 6
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "a.heic").write_text("")
    with pytest.raises(FileNotFoundError, match=r"no photos in .*\. 1 .heic file is left out: pip install pillow-heif"):
        PhotoFolder(str(tmp_path / "phone"))


def test_very_small_images_are_enlarged(tmp_path):
    data = folder_module(save_folder(tmp_path, np.full((1, 1), 200, np.uint8)), **PLAIN)
    data.setup("fit")
    for split in ("train", "val"):
        assert torch.allclose(data.dataset(split)[0][0], torch.tensor(200 / 255))
