"""Data loaders whose worker processes are spawned, as on Windows and macOS: all that a worker gets is pickled."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms.functional import pil_to_tensor

from camaug.datamodules import ImageFolderDataModule, PhotoFolder, ShapesDataModule, ShortcutDataModule
from camaug.saliency_bank.carrying_dataset import CarryingDataset
from camaug.saliency_bank.carrying_loader import carrying_loader
from camaug.saliency_bank.reader import BankReader
from tests.datamodules.box_data import annotate, boxes_module, draw
from tests.toys import TransformedBlobs


def in_worker(loader: DataLoader) -> DataLoader:
    """Return the loader as a spawned process would load its batches."""
    dataset, collate, initialise = pickle.loads(
        pickle.dumps((loader.dataset, loader.collate_fn, loader.worker_init_fn))
    )
    batches = list(loader.batch_sampler)
    return DataLoader(dataset, batch_sampler=batches, collate_fn=collate, worker_init_fn=initialise)


@pytest.fixture(params=["folder", "shortcut", "shapes", "boxes"])
def data(request, make_folder, tmp_path):
    settings = {"image_size": 32, "batch_size": 4, "num_workers": 0}
    if request.param == "shapes":
        module = ShapesDataModule(train_size=12, val_size=6, **settings)
    elif request.param == "boxes":
        draw(tmp_path)
        annotate(tmp_path, "coco")
        module = boxes_module(tmp_path, val_fraction=0.5)
    else:
        module = {"folder": ImageFolderDataModule, "shortcut": ShortcutDataModule}[request.param](
            str(make_folder()), **settings
        )
    module.setup("fit")
    return module


def test_a_worker_of_validation_loads_what_the_process_loads(data):
    loaders = data.val_dataloader()
    for loader in loaders.values() if isinstance(loaders, dict) else [loaders]:
        for batch, of_worker in zip(loader, in_worker(loader), strict=True):
            assert torch.equal(batch[0], of_worker[0])


def test_a_worker_of_training_loads_every_image(data):
    loader = data.train_dataloader()
    assert sum(len(batch[0]) for batch in in_worker(loader)) >= 1


def test_a_worker_of_photos_loads_their_paths(make_folder):
    data = PhotoFolder(str(make_folder()), num_workers=0, transform=as_floats)
    data.setup("predict")
    loader = data.predict_dataloader()
    assert [batch[-1] for batch in in_worker(loader)] == [batch[-1] for batch in loader]


def as_floats(image) -> torch.Tensor:
    return pil_to_tensor(image).float()


def test_a_worker_of_a_run_with_a_bank_reads_the_bank(tmp_path):
    loader = DataLoader(TransformedBlobs(), batch_size=8)
    carrying = carrying_loader(loader, CarryingDataset(loader.dataset, BankReader(tmp_path)))
    batch = next(iter(in_worker(carrying)))
    assert batch.maps is None  # nothing is served yet
    assert batch.batch[0].shape == next(iter(loader))[0].shape
