"""The data module of torchvision's data sets."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from camaug.datamodules import TorchvisionDataModule


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array in MNIST's file format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 30), ("t10k", 12)):
        images = rng.integers(0, 256, (count, 28, 28))
        write_idx(tmp_path / "MNIST" / "raw" / f"{part}-images-idx3-ubyte", images)
        write_idx(tmp_path / "MNIST" / "raw" / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return tmp_path


@pytest.fixture
def imagenette(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for wnid in ("n01440764", "n02102040"):
            folder = tmp_path / "imagenette2-160" / split / wnid
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(folder / f"{index}.JPEG")
    return tmp_path


def module(dataset: str, root: Path, **settings) -> TorchvisionDataModule:
    return TorchvisionDataModule(dataset, root=str(root), **{"batch_size": 4, "num_workers": 0, **settings})


def test_mnist_is_grey_and_becomes_rgb(mnist):
    data = module("MNIST", mnist)
    assert data.num_classes == 10
    assert data.classes[3] == "3 - three"
    data.prepare_data()
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert len(data.dataset("train")) == 30
    assert len(data.dataset("val")) == 12
    assert data.dataset("test").source is data.dataset("val").source
    assert data.dataset("val").targets == [index % 10 for index in range(12)]


def test_imagenette_has_a_val_split_and_options(imagenette):
    data = module("Imagenette", imagenette, options={"size": "160px"}, image_size=48)
    assert data.classes == ["tench", "English springer"]
    data.setup()
    assert data.dataset("train").targets == [0] * 4 + [1] * 4
    assert data.dataset("val").targets == [0] * 2 + [1] * 2
    assert data.dataset("train").classes == data.classes
    image, label = data.dataset("val")[3]
    assert image.shape == (3, 48, 48)
    assert label == 1


def test_whole_images_are_evaluated_unless_told_otherwise(tmp_path):
    pixels = np.zeros((28, 28, 3), np.uint8)
    pixels[0, :] = pixels[:, 0] = 255
    framed = Image.fromarray(pixels)
    whole = module("MNIST", tmp_path, image_size=28).eval_transform(framed)
    middle = module("MNIST", tmp_path, image_size=28, crop_pct=0.875).eval_transform(framed)
    assert whole[:, 0].min() > 2
    assert middle[:, 0].max() < 0


def test_absent_data_is_an_error_with_a_remedy(tmp_path):
    data = module("CIFAR10", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"train split of CIFAR10 .* `download: true` on a machine"):
        _ = data.num_classes
    with pytest.raises(FileNotFoundError, match="cannot open the train split"):
        data.setup("fit")


def test_failed_download_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    def no_network(self: datasets.MNIST) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr(datasets.MNIST, "download", no_network)
    with pytest.raises(FileNotFoundError, match=r"cannot download .*: no network. Download it on a machine"):
        module("MNIST", tmp_path, download=True).prepare_data()


def test_data_that_is_there_is_not_downloaded_again(mnist, monkeypatch):
    def refuse(self: datasets.MNIST) -> None:
        raise AssertionError("it is there")

    monkeypatch.setattr(datasets.MNIST, "download", refuse)
    data = module("MNIST", mnist, download=True)
    data.prepare_data()
    assert data.num_classes == 10


def test_data_sets_without_download_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"It has to be fetched by hand: see torchvision.datasets.FER2013"):
        module("FER2013", tmp_path, download=True).prepare_data()


def test_options_that_would_mix_the_splits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`options` of Imagenette may not contain split, transform"):
        module("Imagenette", tmp_path, options={"split": "train", "transform": None})
    module("EMNIST", tmp_path, options={"split": "letters"})  # a subset there, not a part
