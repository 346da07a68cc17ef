"""`ImageFolderDataModule`, a folder of one's own labelled images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.eight_bits import ValueRange, check_value_range
from camaug.images.formats import describe_unread, image_suffixes
from camaug.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

from ._folders.alike_names import check_names_look_different, looks_like
from ._folders.bad_images import BadPolicy, check_policy, find_bad_images, report_bad
from ._folders.dark_images import warn_of_dark_images
from ._folders.image_files import Sample, class_folders, image_files, labelled_images
from ._folders.image_folder_dataset import ImageFolderDataset
from ._folders.stratified_split import stratified_split
from ._folders.unread_files import count_unread, warn_of_incomplete_classes, warn_of_loose_images, warn_of_unread
from .classification import ClassificationDataModule
from .labelled_dataset import Split
from .transforms import crop_transforms

__all__ = ["ImageFolderDataModule"]

_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
_MAX_CHECKED_BY_DEFAULT = 20_000


class ImageFolderDataModule(ClassificationDataModule):
    """Images in one folder per class, already divided into training and validation images or divided here.

    Divided already: `root/train/CLASS/*.jpg` and `root/val/CLASS/*.jpg`, in upper or lower case (or `training`;
    `validation`, `valid` or `dev`, or `test` if there is none of them). Testing uses `root/test` if there is one, else
    the validation images. Otherwise `root/CLASS/*.jpg` (or `root/train` alone) is split by class, the same way every
    time. Folders within a class's folder belong to the class. Hidden files and folders are ignored.

    Args:
        root: The folder.
        batch_size: Images in a batch, in each process.
        image_size: Side of the square images in pixels.
        num_workers: Processes that load images.
        val_fraction: Share of each class to validate on, if the folder is not divided already.
        split_seed: Number of the split, if the folder is not divided already; other numbers give other splits.
        on_bad_image: Policy for images that cannot be read. "error" stops before training, "skip" leaves them out with
            a warning and keeps their paths in `skipped_images`.
        check_images: If true, `setup` decodes every image to find those that cannot be read. None does so for up to
            20,000 images, and "skip" always does. An unreadable image that is not found by `setup` raises an error
            with its name when it is loaded.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].
        crop_scale: Smallest and largest share of the image's area that a training crop keeps.
        hflip: Probability of mirroring a training image; 0 if left and right matter, as in text.
        crop_pct: Share of the shorter side that the centre crop of evaluation keeps.
        value_range: Values that become black and white in images of more than 8 bits: `(0, 4095)` for 12 bits in 16-bit
            files, or "percentiles" for the 2nd and 98th percentile of each image. None for 0 to 65535, or 0 to 1 in
            floating-point images.

    Raises:
        FileNotFoundError: If `root` does not exist.
        ValueError: If there are no images or fewer than two classes, if training and validation images have different
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
        on_bad_image: BadPolicy = "error",
        check_images: bool | None = None,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        crop_scale: tuple[float, float] = (0.35, 1.0),
        hflip: float = 0.5,
        crop_pct: float = 0.875,
        value_range: ValueRange | None = None,
    ) -> None:
        super().__init__(crop_transforms(image_size, mean, std, crop_scale, hflip, crop_pct), batch_size, num_workers)
        check_policy("on_bad_image", on_bad_image)
        check_value_range(value_range)
        stratified_split([], val_fraction, split_seed)  # an impossible split raises here, not in `setup`
        self.root = Path(root).expanduser()
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.on_bad_image = on_bad_image
        self.check_images = check_images
        self.value_range = value_range
        self.skipped_images: list[str] = []
        self._listed: set[Path] = set()
        self._folders = _find_splits(self.root)
        self._classes = _find_classes(self._folders)

    @property
    def classes(self) -> list[str]:
        """Names of the class folders, sorted."""
        return self._classes

    def build_dataset(self, split: Split) -> ImageFolderDataset:
        """Build the data set of a split from its readable images.

        Raises:
            ValueError: If an image cannot be read and `on_bad_image` is "error", or if no image is left of the split
                or, in training, of a class.
        """
        if split == "test" and "test" in self._folders:  # checked last: training does not need a labelled test folder
            _check_same_classes(self._folders["train"], self.classes, self._folders["test"])
        samples = self._readable(self._samples(split))
        warn_of_dark_images([path for path, _ in samples], self.value_range)
        labels = {label for _, label in samples}
        missing = [name for label, name in enumerate(self.classes) if label not in labels]
        if not samples or (split == "train" and missing):
            raise ValueError(
                f"no readable image to {split} with in {self.root}, of: {', '.join(missing)}. "
                "Give every class at least two images (one to train on, one to validate on)"
            )
        if len(labels) == 1:
            rank_zero_warn(
                f"all images to {split} with are of one class, {self.classes[min(labels)]!r}: the accuracy of a model "
                f"that always predicts it is 100 %. Give images of the other classes too ({', '.join(missing)})"
            )
        elif missing:
            rank_zero_warn(
                f"there is no image to {split} with of {len(missing)} of {len(self.classes)} classes, "
                f"{', '.join(missing[:10])}: their accuracy is not measured. A class needs two images to be split"
            )
        transform = self.train_transform if split == "train" else self.eval_transform
        return ImageFolderDataset(samples, self.classes, transform, self.value_range)

    def _samples(self, split: Split) -> list[Sample]:
        """Return all images of a split, with the unreadable ones: repairing one must not move others between splits."""
        if "val" in self._folders:
            return self._labelled_images(self._folders.get(split, self._folders["val"]))
        samples = self._labelled_images(self._folders["train"])
        train, val = stratified_split([label for _, label in samples], self.val_fraction, self.split_seed)
        return [samples[index] for index in (train if split == "train" else val)]

    def _labelled_images(self, folder: Path) -> list[Sample]:
        unread: dict[str, Counter[str]] = {name: Counter() for name in self.classes}
        others: dict[str, Counter[str]] = {name: Counter() for name in self.classes}
        samples = labelled_images(folder, self.classes, unread, others)
        if folder not in self._listed:  # two splits may be of one folder
            images = Counter(self.classes[label] for _, label in samples)
            warn_of_unread(folder, sum(unread.values(), Counter()))
            warn_of_incomplete_classes(folder, images, {name: unread[name] + others[name] for name in self.classes})
            warn_of_loose_images(folder)
        self._listed.add(folder)
        return samples

    def _readable(self, samples: list[Sample]) -> list[Sample]:
        few_enough = len(samples) <= _MAX_CHECKED_BY_DEFAULT
        check = self.check_images if self.check_images is not None else few_enough
        if not (check or self.on_bad_image == "skip"):
            return samples
        bad = find_bad_images([path for path, _ in samples], self.value_range)
        heading = f"{len(bad)} of {len(samples)} images cannot be read"
        report_bad(bad, heading, "on_bad_image", self.on_bad_image)
        self.skipped_images.extend(path for path in bad if path not in self.skipped_images)
        return [sample for sample in samples if sample[0] not in bad]


def _find_splits(root: Path) -> dict[Split, Path]:
    """Return the folder of each split that has one. A folder that is not divided yet is all "train"."""
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(
            f"the data folder {root} {problem}. Expected a folder with train/ and val/, or with one folder per class"
        )
    folders = {split: folder for split in _NAMES if (folder := _folder_of(root, split)) is not None}
    if "train" not in folders:
        return {"train": root}
    if "val" not in folders and "test" in folders:
        folders["val"] = folders["test"]
    return folders


def _folder_of(root: Path, split: Split) -> Path | None:
    """Return the folder of a split, whose name may be in any case, or None if there is none."""
    found = [folder for folder in sorted(root.iterdir()) if folder.name.lower() in _NAMES[split] and folder.is_dir()]
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise ValueError(f"{root} has {len(found)} folders for the split {split!r}: {names}. Keep one, or rename one")
    return found[0] if found else None


def _find_classes(folders: dict[Split, Path]) -> list[str]:
    """Return the classes of the training images and check that each has images and that validation has the same."""
    train = folders["train"]
    classes = class_folders(train)
    supported = ", ".join(image_suffixes())
    if not classes:
        loose = sum(1 for _ in image_files(train))
        found = f"{loose} images that are in no class folder" if loose else "an empty folder"
        raise ValueError(
            f"no class folders in {train}: found {found}. Expected one folder per class with images in it ({supported})"
        )
    empty = [name for name in classes if next(image_files(train / name), None) is None]
    if empty:
        unread = describe_unread(count_unread(train))
        raise ValueError(
            f"no images in {len(empty)} of {len(classes)} class folders of {train}: {', '.join(empty[:10])}. "
            f"Expected files that end in {supported}. Add images or remove the folder{unread and f'. {unread}'}"
        )
    check_names_look_different(train, classes)
    if len(classes) == 1:
        raise ValueError(f"only one class in {train}: {classes[0]!r}. A classifier needs a folder each for two or more")
    if "val" in folders:
        _check_same_classes(train, classes, folders["val"])
    return classes


def _check_same_classes(train: Path, classes: list[str], other: Path) -> None:
    others = class_folders(other)
    if others == classes:
        return
    missing, extra = (_names_only_in(names, of) for names, of in ((classes, others), (others, classes)))
    raise ValueError(
        f"the classes of {train} and {other} differ. Only in {train.name}: {missing}. Only in {other.name}: {extra}. "
        "Both need the same class folders (one may be empty outside training)"
    )


def _names_only_in(names: list[str], others: list[str]) -> str:
    """Return the names that are not among others, escaped where they would look the same."""
    alike = set(map(looks_like, others))
    only = sorted(set(names) - set(others))
    return ", ".join(ascii(name) if looks_like(name) in alike else name for name in only) or "none"
