"""Users who own neither the data nor the folder of the program."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from camaug.callbacks import CamWriter
from camaug.datamodules import ImageFolderDataModule, PhotoFolder
from camaug.datamodules._folders.image_files import visible_files
from camaug.utils.atomic_write import write_atomically
from camaug.utils.check_folder import check_folder
from tests.toys import ToyClassifier

STRANGER = 65534

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only Unix has users of this kind")


@contextmanager
def other_user() -> Iterator[None]:
    """Run as a user without rights, unless this one has none already."""
    if os.geteuid() != 0:
        yield
        return
    group = os.getegid()
    os.setegid(STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that other users can read and not write, with two classes of images."""
    path = Path(tempfile.mkdtemp())  # that of `tmp_path` is closed to other users
    for name in ("ant", "bee"):
        (path / name).mkdir()
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")
            (path / name / f"{number}.png").chmod(0o444)
    for each in (path / "ant", path / "bee", path):
        each.chmod(0o555)
    yield path
    for each in (path, path / "ant", path / "bee"):
        each.chmod(0o755)
    shutil.rmtree(path)


def test_data_that_can_only_be_read_are_read(folder):
    with other_user():
        data = ImageFolderDataModule(str(folder), image_size=24, batch_size=4, num_workers=0)
        data.setup("fit")
        counts = [len(batch[1]) for batch in data.train_dataloader()]
        photos = PhotoFolder(str(folder)).photos
    assert sum(counts) >= 8
    assert len(photos) == 12


def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_folder(folder):
    (folder / "bee").chmod(0o000)
    with other_user(), pytest.raises(PermissionError, match="bee"):
        list(visible_files(folder, ".png"))


@pytest.mark.parametrize("data", [lambda folder: ImageFolderDataModule(str(folder), image_size=24), PhotoFolder])
def test_data_modules_name_the_folder_that_cannot_be_read(data, folder):
    (folder / "bee").chmod(0o000)

    def setup() -> None:
        module = data(folder)
        module.setup("predict" if isinstance(module, PhotoFolder) else "fit")

    with other_user(), pytest.raises(PermissionError, match="bee"):
        setup()


def test_a_file_that_cannot_be_written_is_named_by_its_own_name(folder):
    with other_user(), pytest.raises(PermissionError) as raised:
        write_atomically(folder / "report.html", "text")
    assert raised.value.filename == str(folder / "report.html")


def test_a_folder_that_cannot_be_written_is_refused(folder):
    with other_user(), pytest.raises(PermissionError, match=r"reports cannot be written here .*, give another folder"):
        check_folder(folder, "reports")


def to_dtype(image: Image.Image) -> torch.Tensor:
    return pil_to_tensor(image).float() / 255


def test_results_that_cannot_be_written_are_refused_before_an_image_is_read(folder, tmp_path, make_trainer):
    def predict(results: Path) -> CamWriter:
        writer = CamWriter("grad-cam", directory=results)
        data = PhotoFolder(str(folder), num_workers=0, transform=to_dtype)
        make_trainer(writer, logger=False).predict(ToyClassifier(), datamodule=data, return_predictions=False)
        return writer

    assert predict(tmp_path / "results").written == 12  # so that everything is imported that the user may not read
    with other_user(), pytest.raises(PermissionError, match="the results cannot be written here"):
        predict(folder / "results")
