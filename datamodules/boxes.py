"""`BoxesDataModule`, images with boxes around their objects, in the formats of COCO, Pascal VOC or YOLO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.utils.data import DataLoader, Dataset

from camaug.utils.printable import printable

from ._boxes.box_check import find_misfits, fit_boxes
from ._boxes.box_formats import BoxFormat, read_boxes, recognise_format
from ._boxes.box_records import AnnotatedImage
from ._boxes.boxes_dataset import BoxesDataset, View, view_of
from ._boxes.class_indices import ClassIndices, parse_class_indices
from ._boxes.object_dataset import ObjectDataset
from ._folders.image_check import describe_bad, find_bad_images
from ._folders.image_folder_dataset import ImageFolderDataset
from ._folders.split import stratified_split
from .classification import ClassificationDataModule, Split
from .transforms import IMAGENET_MEAN, IMAGENET_STD, eval_transform, train_transform, whole_transform

__all__ = ["BoxesDataModule"]

_DECODED = 20_000


class BoxesDataModule(ClassificationDataModule):
    """Images with boxes, to explain a classifier on and see whether its maps lie on the objects; or to train one.

    `trainer.predict` gets the images with all their boxes, each with its category: what the pointing game is played on
    (:class:`BoxedBatch`, :class:`BoxesDataset`). The other loaders hand out `(images, labels)`, the label being the
    class of the image's largest visible object; the data sets of validation and testing say by `object_mask(index)`
    where the objects of that class are, so that :class:`~camaug.callbacks.CamLogger` and
    :class:`~camaug.callbacks.CamEvaluator` measure the mass on the object.

    Boxes go through the very transform of their image. Left out, counted in `omissions` and reported once: images
    without an annotation, without boxes, or without one that is visible in the view; annotations without an image;
    boxes around crowds (COCO's `iscrowd`); boxes of categories that are not mapped; boxes that are cut away or smaller
    than a pixel in the view. VOC's difficult objects are kept. Segmentations are not read.

    Args:
        images: folder of the images.
        annotations: COCO's `instances_*.json`, or a folder of VOC's `.xml` or of YOLO's `.txt` files.
        format: "coco", "voc" or "yolo"; None recognises it from what `annotations` is.
        names: names of YOLO's categories, or a file with one on each line; None reads `classes.txt` among the labels.
        class_indices: the classes of a classifier that each category stands for: an index, a range ("151-268", both
            ends included), or a list of both. Other categories are left out. Where every category stands for one
            class, the labels are those indices; where one stands for several, there are no labels, and only
            prediction goes. None uses every category, in its own order, as a class.
        image_size: side of the square images in pixels.
        crop_pct: share of the shorter side that a middle crop keeps; None makes the whole image square instead, as
            the paper does, so that no object is cut away.
        batch_size: images in a batch, in each process.
        num_workers: processes that load images.
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].
        val_fraction: share of each class's images to validate on. 1, all of them, leaves none to train on; 0 none to
            validate on.
        split_seed: which of the possible splits.
        crop_scale: smallest and largest share of the image's area that a training crop keeps.
        hflip: probability of mirroring a training image.
        on_bad_image: what to do about an image that cannot be read, or is not of the size that its annotation says:
            "error", or "skip", which leaves it out with a warning. Headers are always read; up to 20,000 images, and
            all with "skip", are decoded whole before they are used.
        on_bad_box: likewise about a box that reaches more than a pixel out of its image, or has no area. Up to a
            pixel is taken for rounding, and clipped.

    Attributes:
        annotations: what was read, all categories and crowds in it.
        categories: the names of the categories that are used.
        class_indices: the class indices of each of `categories`, in their order; None where nobody has said.
        omissions: how many of what was left out; complete once the images have been looked at.

    Raises:
        FileNotFoundError: if images or annotations are not there.
        ValueError: if an annotation file or an argument is not what it should be; from `setup` and `boxes_dataset`, if
            an image or box is bad, or nothing is left.
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
        on_bad_image: Literal["error", "skip"] = "error",
        on_bad_box: Literal["error", "skip"] = "error",
    ) -> None:
        whole = crop_pct is None
        super().__init__(
            train_transform=train_transform(image_size, mean, std, crop_scale, hflip),
            eval_transform=whole_transform(image_size, mean, std)
            if crop_pct is None
            else eval_transform(image_size, mean, std, crop_pct),
            image_size=image_size,
            mean=mean,
            std=std,
            batch_size=batch_size,
            num_workers=num_workers,
        )
        if format not in ("coco", "voc", "yolo", None):
            raise ValueError(f"`format` is 'coco', 'voc', 'yolo', or None to recognise it, got {format!r}")
        for name, value in (("on_bad_image", on_bad_image), ("on_bad_box", on_bad_box)):
            if value not in ("error", "skip"):
                raise ValueError(f"`{name}` is 'error' or 'skip', got {value!r}")
        if val_fraction not in (0, 1):
            stratified_split([], val_fraction, split_seed)  # an impossible split is an error here, not in `setup`
        if not whole:
            self.crop_pct = crop_pct  # where there is none, checkpoints explain photos by their middle square
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.on_bad_image = on_bad_image
        self.on_bad_box = on_bad_box
        folder, where = Path(images).expanduser(), Path(annotations).expanduser()
        self.annotations = read_boxes(folder, where, format or recognise_format(where), names)
        mapping = None if class_indices is None else parse_class_indices(class_indices, self.annotations.categories)
        self.categories = list(self.annotations.categories if mapping is None else mapping)
        self.class_indices = None if mapping is None else list(mapping.values())
        self.omissions: Counter[str] = Counter(self.annotations.omissions)

    # The images with all their boxes

    def boxes_dataset(self, split: Split = "val") -> BoxesDataset:
        """The images of a split with all their boxes; needs no `setup`."""
        return BoxesDataset(self._split(split), self.categories, self.class_indices, self.eval_transform)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Every validation image with all its boxes, in order; batches are :class:`BoxedBatch`."""
        dataset = self.boxes_dataset()
        return self._loader(dataset, collate_fn=dataset.collate)

    # The images with one label each

    @property
    def classes(self) -> list[str]:
        """The names of the classes; one that no category stands for has its number for a name.

        Raises:
            AttributeError: If a category stands for several classes: there are none then.
        """
        try:
            labels = self._labels()
        except ValueError as error:
            raise AttributeError(str(error)) from error
        names: dict[int, list[str]] = {}
        for name, label in zip(self.categories, labels, strict=True):
            names.setdefault(label, []).append(name)
        return [" or ".join(names.get(label, [f"class {label}"])) for label in range(max(labels) + 1)]

    def setup(self, stage: str | None = None) -> None:
        """Build the data sets that the stage needs; prediction needs no labels."""
        if stage != "predict":
            super().setup(stage)

    def build_dataset(self, split: Split) -> Dataset[tuple[torch.Tensor, int]]:
        """The images of a split with their labels; those to train on are cropped at random, and have no masks."""
        labels = self._labels()
        objects = ObjectDataset(self.boxes_dataset(split), self.classes, labels, (self.image_size, self.image_size))
        if split != "train":
            return objects
        samples = [(view.path, label) for view, label in zip(objects.boxed.views, objects.targets, strict=True)]
        return ImageFolderDataset(samples, self.classes, self.train_transform)

    def _labels(self) -> list[int]:
        """The class of each category."""
        if self.class_indices is None:
            return list(range(len(self.categories)))
        several = [name for name, of in zip(self.categories, self.class_indices, strict=True) if len(of) > 1]
        if several:
            raise ValueError(
                f"`class_indices` maps {len(several)} categories to several classes each ({', '.join(several[:10])}), "
                "so an image has no one label to train or validate by. Give one class for each; the pointing game "
                "takes several"
            )
        return [index for (index,) in self.class_indices]

    # What is left of what was read

    def _split(self, split: Split) -> list[View]:
        views = self._views
        training = split == "train"
        if self.val_fraction in (0, 1):
            chosen = views if training == (self.val_fraction == 0) else []
        else:
            train, val = stratified_split([v.main_category for v in views], self.val_fraction, self.split_seed)
            chosen = [views[index] for index in (train if training else val)]
        if not chosen:
            raise ValueError(
                f"no images to {split} with: `val_fraction` is {self.val_fraction} and there are {len(views)} images. "
                "Set it between 0 and 1 to train on the others, and have two images or more of a class"
            )
        return chosen

    @cached_property
    def _views(self) -> list[View]:
        """What is visible of the objects that are asked for, of every image that is left."""
        omissions = self.omissions
        used = self._sound(self._used(omissions), omissions)
        views = [view_of(record, self.categories, self.eval_transform) for record in used]
        omissions["boxes cut away or below a pixel"] = _boxes(used) - sum(len(view.boxes) for view in views)
        omissions["images with no visible box"] = sum(1 for view in views if not view.boxes)
        views = [view for view in views if view.boxes]
        self._report(views)
        if not views:
            raise ValueError(
                f"no image has a box to look at, of {len(self.annotations.images)} annotated images. Left out: "
                f"{_enumerate(omissions)}"
            )
        return views

    def _used(self, omissions: Counter[str]) -> list[AnnotatedImage]:
        """The images with the boxes that are asked for."""
        everything = self.annotations.images
        known = set(self.categories)
        single = [replace(r, boxes=tuple(b for b in r.boxes if "crowd" not in b.flags)) for r in everything]
        used = [replace(r, boxes=tuple(b for b in r.boxes if b.category in known)) for r in single]
        omissions["boxes around crowds"] = _boxes(everything) - _boxes(single)
        omissions["boxes of categories not in class_indices"] = _boxes(single) - _boxes(used)
        omissions["images without boxes"] = sum(1 for record in everything if not record.boxes)
        used = [record for record in used if record.boxes]
        omissions["images with no box to use"] = len(everything) - omissions["images without boxes"] - len(used)
        return used

    def _sound(self, records: Sequence[AnnotatedImage], omissions: Counter[str]) -> list[AnnotatedImage]:
        """The images that can be read, with the boxes that fit them."""
        bad = {**self.annotations.unreadable, **find_misfits(records)}
        if len(records) <= _DECODED or self.on_bad_image == "skip":
            bad |= find_bad_images([record.path for record in records if record.path not in bad])
        total = len(records) + len(self.annotations.unreadable)
        _refuse(bad, f"{len(bad)} of {total} images cannot be used", "on_bad_image", self.on_bad_image)
        readable = [record for record in records if record.path not in bad]
        fitted, misplaced = fit_boxes(readable)
        total = _boxes(readable)
        _refuse(misplaced, f"{len(misplaced)} of {total} boxes cannot be used", "on_bad_box", self.on_bad_box)
        omissions["bad images"], omissions["bad boxes"] = len(bad), len(misplaced)
        return fitted

    def _report(self, views: Sequence[View]) -> None:
        seen = {category for view in views for category in view.categories}
        empty = [name for place, name in enumerate(self.categories) if place not in seen]
        self.omissions["categories without images"] = len(empty)
        lines = [
            f"BoxesDataModule: {len(views)} images with {sum(len(view.boxes) for view in views)} boxes of {len(seen)} "
            f"categories. Left out: {_enumerate(self.omissions)}"
        ]
        unmapped = Counter(
            box.category for r in self.annotations.images for box in r.boxes if box.category not in self.categories
        )
        if unmapped:
            lines.append(f"Not in class_indices: {', '.join(f'{n} {name}' for name, n in unmapped.most_common())}")
        if empty:
            lines.append(f"Without images: {', '.join(empty)}")
        rank_zero_info("\n".join(printable(line) for line in lines))


def _refuse(bad: dict[str, str], heading: str, argument: str, policy: str) -> None:
    if bad and policy == "error":
        raise ValueError(f"{describe_bad(bad, heading)}\nRepair them, or leave them out with `{argument}: skip`")
    if bad:
        rank_zero_warn(f"{describe_bad(bad, heading)}\nThey are left out (`{argument}: skip`)")


def _boxes(records: Sequence[AnnotatedImage]) -> int:
    return sum(len(record.boxes) for record in records)


def _enumerate(omissions: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in omissions.items() if count) or "nothing"
