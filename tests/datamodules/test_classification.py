"""The data loaders of every data module of labelled images."""

from __future__ import annotations

import lightning as L
import pytest
import torch

from tests.datamodules.folder_data import folder_module


def test_batches_are_normalised_images_and_integer_labels(make_folder):
    data = folder_module(make_folder(count=6), val_fraction=0.4)
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.float32
    assert type(images) is torch.Tensor
    assert labels.dtype == torch.int64
    assert images.min() < 0 < images.max()
    assert sum(len(labels) for _, labels in data.val_dataloader()) == 4
    assert sum(len(labels) for _, labels in data.predict_dataloader()) == 4
    assert sum(len(labels) for _, labels in data.test_dataloader()) == 4


def test_a_small_last_batch_is_not_trained_on_unless_it_is_all_there_is(make_folder):
    data = folder_module(make_folder(count=6), val_fraction=0.2)
    data.setup("fit")
    assert [len(labels) for _, labels in data.train_dataloader()] == [4, 4]
    data.batch_size = 50
    assert [len(labels) for _, labels in data.train_dataloader()] == [10]


def test_images_are_normalised_by_mean_and_std(make_folder):
    data = folder_module(make_folder(), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    data.setup("validate")
    image = data.dataset("val")[0][0] * torch.tensor(data.std).view(3, 1, 1) + torch.tensor(data.mean).view(3, 1, 1)
    plain = folder_module(data.root, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    plain.setup("validate")
    torch.testing.assert_close(image, plain.dataset("val")[0][0])
    assert 0 <= image.min() <= image.max() <= 1


def test_a_loader_before_setup_is_an_error(make_folder):
    with pytest.raises(RuntimeError, match=r"has not set up its 'train' split: call `setup\(\)` first"):
        folder_module(make_folder()).train_dataloader()


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # Lightning 2.6 with torch 2.15
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_trainer_fits_it_and_workers_repeat_with_the_seed(make_folder, tmp_path):
    class Recorder(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, 2)
            self.seen = []

        def training_step(self, batch, _):
            self.seen.append(batch[0].mean().item())
            return torch.nn.functional.cross_entropy(self.head(batch[0].mean((2, 3))), batch[1])

        def validation_step(self, batch, _):
            assert batch[0].shape[1:] == (3, 32, 32)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    root = make_folder("images", count=6) / "images"
    runs = []
    for _ in range(2):
        L.seed_everything(3, workers=True, verbose=False)
        model = Recorder()
        trainer = L.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(model, folder_module(root, num_workers=1))
        runs.append(model.seen)
    assert len(runs[0]) == 2
    assert runs[0] == runs[1]
