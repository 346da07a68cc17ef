"""`BoxesDataModule`, images with boxes around their objects, in the formats of COCO, Pascal VOC or YOLO."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_info
from torch.utils.data import DataLoader

from camaug.images.eight_bits import ValueRange, check_value_range
from camaug.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

from ._boxes.box_formats import BoxFormat, read_annotations, recognise_format
from ._boxes.boxed_view import BoxedView
from ._boxes.boxes_dataset import BoxesDataset
from ._boxes.class_indices import ClassIndices, parse_class_indices
from ._boxes.object_dataset import ObjectDataset
from ._boxes.selection import describe_selection, select_views
from ._folders.bad_images import BadPolicy, check_policy
from ._folders.image_folder_dataset import ImageFolderDataset
from ._folders.stratified_split import stratified_split
from ._folders.unread_files import count_unread, warn_of_unread
from .classification import ClassificationDataModule
from .labelled_dataset import LabelledDataset, Split
from .transforms import crop_transforms

__all__ = ["BoxesDataModule"]


class BoxesDataModule(ClassificationDataModule):
    """Images with boxes, to measure whether a classifier's maps lie on the objects, or to train a classifier.

    `trainer.predict` gets the images with all their boxes, each with its category, for the pointing game
    (:class:`BoxedBatch`, :class:`BoxesDataset`). The other loaders yield `(images, labels)`, where the label is the
    class of the image's largest visible object. The data sets of validation and testing return the mask of the objects
    of that class from `object_mask(index)`, so that :class:`~camaug.callbacks.CamLogger` and
    :class:`~camaug.callbacks.CamEvaluator` measure the energy on the object.

    Boxes are transformed together with their image. Left out, counted in `omissions` and reported once: images without
    an annotation, without boxes, or without a visible box; annotations without an image; boxes around crowds (COCO's
    `iscrowd`); boxes of categories that are not mapped; boxes that the crop cuts away or that are smaller than a pixel
    afterwards. VOC's difficult objects are kept. Segmentations are not read.

    Args:
        images: Folder of the images.
        annotations: COCO's `instances_*.json`, or a folder of VOC's `.xml` or of YOLO's `.txt` files.
        format: "coco", "voc" or "yolo"; None recognises it from `annotations`.
        names: Names of YOLO's categories, or a file with one on each line; None reads `classes.txt` among the labels.
        class_indices: The classes of a classifier that each category corresponds to: an index, a range ("151-268",
            both ends included), or a list of both. Other categories are left out. If every category has one class, the
            labels are those indices; if one has several, there are no labels, and only prediction works. None uses
            every category, in its own order, as a class.
        image_size: Side of the square images in pixels.
        crop_pct: Share of the shorter side that a centre crop keeps; None makes the whole image square instead, as the
            paper does, so that no object is cut away.
        batch_size: Images in a batch, in each process.
        num_workers: Processes that load images.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].
        val_fraction: Share of each class's images to validate on. With 1 there is none to train on, with 0 none to
            validate on.
        split_seed: Number of the split; other numbers give other splits.
        crop_scale: Smallest and largest share of the image's area that a training crop keeps.
        hflip: Probability of mirroring a training image.
        on_bad_image: Policy for an image that cannot be read, or is not of the size that its annotation says: "error",
            or "skip", which leaves it out with a warning. Headers are always read; up to 20,000 images, and all with
            "skip", are decoded completely before they are used.
        on_bad_box: Policy for a box that reaches more than a pixel out of its image, or has no area: "error" or
            "skip". A box that reaches out by a pixel or less is clipped.
        value_range: Values that become black and white in images of more than 8 bits: `(0, 4095)` for 12 bits in 16-bit
            files, or "percentiles" for the 2nd and 98th percentile of each image. None for 0 to 65535, or 0 to 1 in
            floating-point images.

    Attributes:
        annotations: Everything that was read, with all categories and crowds.
        categories: Names of the categories that are used.
        class_indices: Class indices of each of `categories`, in their order; None if there is no mapping.
        omissions: Number of everything that was left out, by reason; complete once the images have been opened.

    Raises:
        FileNotFoundError: If images or annotations do not exist.
        ValueError: If an annotation file or an argument is invalid; from `setup` and `boxes_dataset`, if an image or
            box is bad, or nothing is left.
    """

    def __init__(
        self,
        images: str,
        annotations: str,
        format: BoxFormat | None = None,
        names: str | list[str] | None = None,
        class_indices: dict[str, ClassIndices] | None = None,
        image_size: int = 224,
        crop_pct: float | None = None,
        batch_size: int = 32,
        num_workers: int = 2,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        val_fraction: float = 1.0,
        split_seed: int = 0,
        crop_scale: tuple[float, float] = (0.35, 1.0),
        hflip: float = 0.5,
        on_bad_image: BadPolicy = "error",
        on_bad_box: BadPolicy = "error",
        value_range: ValueRange | None = None,
    ) -> None:
        super().__init__(crop_transforms(image_size, mean, std, crop_scale, hflip, crop_pct), batch_size, num_workers)
        if format not in ("coco", "voc", "yolo", None):
            raise ValueError(f"`format` is 'coco', 'voc', 'yolo', or None to recognise it, got {format!r}")
        check_policy("on_bad_image", on_bad_image)
        check_policy("on_bad_box", on_bad_box)
        check_value_range(value_range)
        if val_fraction not in (0, 1):
            stratified_split([], val_fraction, split_seed)  # an impossible split raises here, not in `setup`
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.on_bad_image = on_bad_image
        self.on_bad_box = on_bad_box
        self.value_range = value_range
        image_folder, annotation_path = Path(images).expanduser(), Path(annotations).expanduser()
        warn_of_unread(image_folder, count_unread(image_folder))
        format = format or recognise_format(annotation_path)
        self.annotations = read_annotations(image_folder, annotation_path, format, names)
        mapping = None if class_indices is None else parse_class_indices(class_indices, self.annotations.categories)
        self.categories = list(self.annotations.categories if mapping is None else mapping)
        self.class_indices = None if mapping is None else list(mapping.values())
        self.omissions: Counter[str] = Counter(self.annotations.omissions)

    def boxes_dataset(self, split: Split = "val") -> BoxesDataset:
        """Return the images of a split with all their boxes. Needs no `setup`."""
        return BoxesDataset(
            self._split_views(split), self.categories, self.class_indices, self.eval_transform, self.value_range
        )

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return every validation image with all its boxes, in order. Batches are :class:`BoxedBatch`."""
        dataset = self.boxes_dataset()
        return self._loader(dataset, collate_fn=dataset.collate)

    @property
    def classes(self) -> list[str]:
        """Names of the classes. A class that no category corresponds to is named by its number.

        Raises:
            AttributeError: If a category corresponds to several classes, so that there are no labels.
        """
        try:
            labels = self._category_labels()
        except ValueError as error:
            raise AttributeError(str(error)) from error
        names: dict[int, list[str]] = {}
        for name, label in zip(self.categories, labels, strict=True):
            names.setdefault(label, []).append(name)
        return [" or ".join(names.get(label, [f"class {label}"])) for label in range(max(labels) + 1)]

    def setup(self, stage: str | None = None) -> None:
        """Build the data sets that the stage needs. Prediction needs no labels."""
        if stage != "predict":
            super().setup(stage)

    def build_dataset(self, split: Split) -> LabelledDataset:
        """Build the labelled images of a split. Training images are cropped at random and have no masks."""
        labels = self._category_labels()
        objects = ObjectDataset(self.boxes_dataset(split), self.classes, labels, (self.image_size, self.image_size))
        if split != "train":
            return objects
        samples = [(view.path, label) for view, label in zip(objects.boxed.views, objects.targets, strict=True)]
        return ImageFolderDataset(samples, self.classes, self.train_transform, self.value_range)

    def _category_labels(self) -> list[int]:
        """Return the class of each category."""
        if self.class_indices is None:
            return list(range(len(self.categories)))
        ambiguous = [
            name for name, indices in zip(self.categories, self.class_indices, strict=True) if len(indices) > 1
        ]
        if ambiguous:
            raise ValueError(
                f"`class_indices` maps {len(ambiguous)} categories to several classes each "
                f"({', '.join(ambiguous[:10])}), so an image has no single label to train or validate by. Give one "
                "class for each; the pointing game takes several"
            )
        return [index for (index,) in self.class_indices]

    def _split_views(self, split: Split) -> list[BoxedView]:
        training = split == "train"
        if self.val_fraction in (0, 1):
            views = self._views if training == (self.val_fraction == 0) else []
        else:
            targets = [view.main_category for view in self._views]
            train, val = stratified_split(targets, self.val_fraction, self.split_seed)
            views = [self._views[index] for index in (train if training else val)]
        if not views:
            raise ValueError(
                f"no images to {split} with: `val_fraction` is {self.val_fraction} and there are {len(self._views)} "
                "images. Set it between 0 and 1 to train on the others, and have two images or more of a class"
            )
        return views

    @cached_property
    def _views(self) -> list[BoxedView]:
        """Views of all usable images, after a report of what was left out."""
        selection = select_views(
            self.annotations,
            self.categories,
            self.eval_transform,
            self.on_bad_image,
            self.on_bad_box,
            self.value_range,
        )
        self.omissions = selection.omissions
        rank_zero_info(describe_selection(selection, self.annotations, self.categories))
        return selection.views
