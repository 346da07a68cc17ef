"""`PhotoFolder`, a folder of photos without labels, to be explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch.utils.data import DataLoader
from torchvision.datasets.folder import IMG_EXTENSIONS

from camaug.images.preprocessing import Preprocessing, model_preprocessing

from ._folders.image_files import image_files
from ._folders.photo_dataset import PhotoDataset

__all__ = ["PhotoFolder"]


class PhotoFolder(L.LightningDataModule):
    """Photos in a folder and the folders below it, for `trainer.predict`; hidden files and folders are left out.

    Batches are `(images, paths, errors)`, a :class:`PhotoBatch`. A photo that cannot be read does not stop the others:
    its place in the batch is black, and its error says why.

    Args:
        root: The folder.
        batch_size: Photos in a batch, in each process.
        num_workers: Processes that load photos; 0 loads them in the main process.
        transform: From an upright RGB PIL image to a float tensor (3, H, W), of one size for all. By default the
            evaluation transform that belongs to the trainer's model: that of the data it was fine-tuned on, timm's, or
            ImageNet's standard (:func:`camaug.images.preprocessing.model_preprocessing`).

    Raises:
        FileNotFoundError: If `root` does not exist or holds no photos.
        ValueError: If `batch_size` or `num_workers` is impossible.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 8,
        num_workers: int = 2,
        transform: Callable[[Any], torch.Tensor] | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"`batch_size` is the number of photos in a batch, at least 1, got {batch_size}")
        if num_workers < 0:
            raise ValueError(f"`num_workers` is the number of loading processes, 0 or more, got {num_workers}")
        self.root = Path(root).expanduser()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.transform = transform
        self.photos = _photos(self.root)
        self._choose: Callable[[Sequence[str]], Sequence[str]] | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos become the model's inputs; known to be the model's own once the trainer has loaded it."""
        if self.transform is not None:
            return Preprocessing.of(self.transform)
        return model_preprocessing(self.trainer.lightning_module if self.trainer else torch.nn.Module())

    def choose_by(self, choose: Callable[[Sequence[str]], Sequence[str]] | None) -> None:
        """Let a function say which of the photos are handed out; None hands out all.

        It is asked when the data loader is built: after the model's weights are loaded, before any photo is read.
        """
        self._choose = choose

    def predict_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Every photo that is chosen, in order; no loader where none is."""
        photos = self.photos if self._choose is None else self._choose(self.photos)
        if not photos:
            return []
        return DataLoader(
            PhotoDataset(photos, self.preprocessing.transform),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )


def _photos(root: Path) -> list[str]:
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"the folder of photos {root} {problem}. Expected a folder with photos in it or below")
    photos = list(image_files(root))
    if not photos:
        raise FileNotFoundError(
            f"no photos in {root} or the folders below it. Expected files that end in {', '.join(IMG_EXTENSIONS)}"
        )
    return photos
