"""`ImageFolderDataModule`, a folder of one's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lightning.pytorch.utilities import rank_zero_warn
from torchvision.datasets.folder import IMG_EXTENSIONS

from ._folders.image_check import describe_bad_images, find_bad_images
from ._folders.image_files import Sample, class_folders, image_files, labelled_images
from ._folders.image_folder_dataset import ImageFolderDataset
from ._folders.split import stratified_split
from .classification import ClassificationDataModule, Split
from .transforms import IMAGENET_MEAN, IMAGENET_STD, eval_transform, train_transform

__all__ = ["ImageFolderDataModule"]

_VAL_NAMES = ("val", "validation", "valid", "test")
_CHECKED_UNASKED = 20_000


class ImageFolderDataModule(ClassificationDataModule):
    """Images in one folder per class, either divided already or divided here.

    Divided already: `root/train/CLASS/*.jpg` and `root/val/CLASS/*.jpg` (or `validation`, `valid`, or `test` where
    there is none of them); testing uses `root/test` where there is one, else the validation images. Otherwise
    `root/CLASS/*.jpg` (or `root/train` alone) is split, the same way every time and each class in proportion. Folders
    within a class's folder belong to the class; hidden files and folders are ignored.

    Args:
        root: the folder.
        batch_size: images in a batch, in each process.
        image_size: side of the square images in pixels.
        num_workers: processes that load images.
        val_fraction: share of each class to validate on, where the folder is not divided already.
        split_seed: which of the possible splits, where the folder is not divided already.
        on_bad_image: what to do about an image that cannot be read: "error" stops before training, "skip" leaves it
            out with a warning and keeps its path in `skipped_images`.
        check_images: whether `setup` decodes every image to find those that cannot be read; None does so for up to
            20,000 images, and "skip" always does. An image found broken only when it is loaded is an error naming it.
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].
        crop_scale: smallest and largest share of the image's area that a training crop keeps.
        hflip: probability of mirroring a training image; 0 where left and right matter, as in text.
        crop_pct: share of the shorter side that the middle crop of evaluation keeps.

    Raises:
        FileNotFoundError: if `root` does not exist.
        ValueError: if there are no images or fewer than two classes, if training and validation images have different
            classes, or if an argument is impossible; from `setup`, if an image cannot be read.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 32,
        image_size: int = 224,
        num_workers: int = 2,
        val_fraction: float = 0.2,
        split_seed: int = 0,
        on_bad_image: Literal["error", "skip"] = "error",
        check_images: bool | None = None,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        crop_scale: tuple[float, float] = (0.35, 1.0),
        hflip: float = 0.5,
        crop_pct: float = 0.875,
    ) -> None:
        super().__init__(
            train_transform=train_transform(image_size, mean, std, crop_scale, hflip),
            eval_transform=eval_transform(image_size, mean, std, crop_pct),
            image_size=image_size,
            mean=mean,
            std=std,
            batch_size=batch_size,
            num_workers=num_workers,
        )
        if on_bad_image not in ("error", "skip"):
            raise ValueError(f"`on_bad_image` is 'error' or 'skip', got {on_bad_image!r}")
        stratified_split([], val_fraction, split_seed)  # an impossible split is an error here, not in `setup`
        self.crop_pct = crop_pct
        self.root = Path(root).expanduser()
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.on_bad_image = on_bad_image
        self.check_images = check_images
        self.skipped_images: list[str] = []
        self._folders = _split_folders(self.root)
        self._classes = _agreed_classes(self._folders)

    @property
    def classes(self) -> list[str]:
        """The names of the class folders, sorted."""
        return self._classes

    def build_dataset(self, split: Split) -> ImageFolderDataset:
        """The images of a split, those that cannot be read refused or left out.

        Raises:
            ValueError: if an image cannot be read and `on_bad_image` is "error", or if no image is left of the split
                or, in training, of a class.
        """
        if split == "test" and "test" in self._folders:  # not sooner: it may be unlabelled and training not need it
            _check_same_classes(self._folders["train"], self.classes, self._folders["test"])
        samples = self._readable(self._samples(split))
        left = {label for _, label in samples}
        missing = [name for label, name in enumerate(self.classes) if label not in left]
        if not samples or (split == "train" and missing):
            raise ValueError(
                f"no readable image to {split} with in {self.root}, of: {', '.join(missing)}. "
                "Give every class at least two images (one to train on, one to validate on)"
            )
        transform = self.train_transform if split == "train" else self.eval_transform
        return ImageFolderDataset(samples, self.classes, transform)

    def _samples(self, split: Split) -> list[Sample]:
        """All images of a split, the unreadable ones too: repairing one of them must not move the others about."""
        if "val" in self._folders:
            return labelled_images(self._folders.get(split, self._folders["val"]), self.classes)
        samples = labelled_images(self._folders["train"], self.classes)
        train, val = stratified_split([label for _, label in samples], self.val_fraction, self.split_seed)
        return [samples[index] for index in (train if split == "train" else val)]

    def _readable(self, samples: list[Sample]) -> list[Sample]:
        few_enough = len(samples) <= _CHECKED_UNASKED
        check = self.check_images if self.check_images is not None else few_enough
        if not (check or self.on_bad_image == "skip"):
            return samples
        bad = find_bad_images([path for path, _ in samples])
        if not bad:
            return samples
        message = describe_bad_images(bad, total=len(samples))
        if self.on_bad_image == "error":
            raise ValueError(f"{message}\nRepair or remove them, or leave them out with `on_bad_image: skip`")
        rank_zero_warn(f"{message}\nThey are left out (`on_bad_image: skip`)")
        self.skipped_images.extend(path for path in bad if path not in self.skipped_images)
        return [sample for sample in samples if sample[0] not in bad]


def _split_folders(root: Path) -> dict[Split, Path]:
    """The folder of each split that has one; a folder that is still to be split is all "train"."""
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(
            f"the data folder {root} {problem}. Expected a folder with train/ and val/, or with one folder per class"
        )
    if not (root / "train").is_dir():
        return {"train": root}
    folders: dict[Split, Path] = {"train": root / "train"}
    val = next((root / name for name in _VAL_NAMES if (root / name).is_dir()), None)
    if val is not None:
        folders["val"] = val
    if (root / "test").is_dir():
        folders["test"] = root / "test"
    return folders


def _agreed_classes(folders: dict[Split, Path]) -> list[str]:
    """The classes of the training images, after making sure that they are some and the same in validation."""
    train = folders["train"]
    classes = class_folders(train)
    supported = ", ".join(IMG_EXTENSIONS)
    if not classes:
        loose = sum(1 for _ in image_files(train))
        found = f"{loose} images that are in no class folder" if loose else "an empty folder"
        raise ValueError(
            f"no class folders in {train}: found {found}. Expected one folder per class with images in it ({supported})"
        )
    empty = [name for name in classes if next(image_files(train / name), None) is None]
    if empty:
        raise ValueError(
            f"no images in {len(empty)} of {len(classes)} class folders of {train}: {', '.join(empty[:10])}. "
            f"Expected files that end in {supported}. Add images or remove the folder"
        )
    if len(classes) == 1:
        raise ValueError(f"only one class in {train}: {classes[0]!r}. A classifier needs a folder each for two or more")
    if "val" in folders:
        _check_same_classes(train, classes, folders["val"])
    return classes


def _check_same_classes(train: Path, classes: list[str], other: Path) -> None:
    others = class_folders(other)
    if others == classes:
        return
    missing = ", ".join(sorted(set(classes) - set(others))) or "none"
    extra = ", ".join(sorted(set(others) - set(classes))) or "none"
    raise ValueError(
        f"the classes of {train} and {other} differ. Only in {train.name}: {missing}. Only in {other.name}: {extra}. "
        "Both need the same class folders (one may be empty outside training)"
    )
