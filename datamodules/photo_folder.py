"""`PhotoFolder`, a folder of photos without labels, to be explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch.utils.data import DataLoader

from camaug.images.eight_bits import ValueRange, check_value_range
from camaug.images.formats import describe_unread, image_suffixes
from camaug.images.preprocessing import Preprocessing, model_preprocessing
from camaug.utils.progress import with_progress

from ._folders.dark_images import warn_of_dark_images
from ._folders.image_files import image_files
from ._folders.photo_dataset import PhotoDataset
from ._folders.unread_files import warn_of_unread
from .image_loader import check_loading, image_loader

__all__ = ["PhotoFolder"]


class PhotoFolder(L.LightningDataModule):
    """Photos in a folder and the folders below it, for `trainer.predict`. Hidden files and folders are left out.

    Batches are `(images, paths, errors)`, a :class:`PhotoBatch`. A photo that cannot be read does not stop the others:
    its image in the batch is black, and its error names the reason.

    Args:
        root: The folder.
        batch_size: Photos in a batch, in each process.
        num_workers: Processes that load photos; 0 loads them in the main process.
        transform: From an upright RGB PIL image to a float tensor (3, H, W), of one size for all. The default is the
            evaluation transform of the trainer's model: its fine-tuning data's, timm's, or ImageNet's standard
            (:func:`camaug.images.preprocessing.model_preprocessing`).
        value_range: Values that become black and white in photos of more than 8 bits: `(0, 4095)` for 12 bits in 16-bit
            files, or "percentiles" for the 2nd and 98th percentile of each photo. None for those of
            the model's training data, or else 0 to 65535, and 0 to 1 in floating-point photos.

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
        value_range: ValueRange | None = None,
    ) -> None:
        super().__init__()
        check_loading(batch_size, num_workers)
        check_value_range(value_range)
        self.root = Path(root).expanduser()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.transform = transform
        self.value_range = value_range
        self.photos = _find_photos(self.root)
        self._choose: Callable[[Sequence[str]], Sequence[str]] | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """Transform of the photos. The model's own is known only once the trainer has loaded the model."""
        if self.transform is not None:
            preprocessing = Preprocessing.of(self.transform)
        else:
            preprocessing = model_preprocessing(self.trainer.lightning_module if self.trainer else torch.nn.Module())
        return preprocessing.with_value_range(self.value_range)

    def choose_by(self, choose: Callable[[Sequence[str]], Sequence[str]] | None) -> None:
        """Set a function that chooses which photos are loaded. None loads all.

        The function is called when the data loader is built: after the model's weights are loaded, before any photo is
        read.
        """
        self._choose = choose

    def predict_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return every chosen photo, in order, or an empty list if no photo is chosen."""
        photos = self.photos if self._choose is None else self._choose(self.photos)
        if not photos:
            return []
        preprocessing = self.preprocessing
        warn_of_dark_images(photos, preprocessing.value_range)
        dataset = PhotoDataset(photos, preprocessing.transform, preprocessing.value_range)
        return image_loader(dataset, self.batch_size, self.num_workers, collate_fn=dataset.collate)


def _find_photos(root: Path) -> list[str]:
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"the folder of photos {root} {problem}. Expected a folder with photos in it or below")
    unread: Counter[str] = Counter()
    photos = list(with_progress(image_files(root, unread), "listing photos"))
    if not photos:
        left_out = describe_unread(unread)
        raise FileNotFoundError(
            f"no photos in {root} or the folders below it. Expected files that end in {', '.join(image_suffixes())}"
            f"{left_out and f'. {left_out}'}"
        )
    warn_of_unread(root, unread)
    return photos
