"""Experiment 6: maps of several classes of one image, the paper's Figure 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from camaug.experiments.bootstrap_experiment import BootstrapExperiment
from camaug.experiments.class_separation import class_correlation, confidence_through
from camaug.experiments.experiment import Track
from camaug.experiments.image_batch import ImageBatch, image_count
from camaug.experiments.mean_interval import interval_note
from camaug.experiments.named_methods import named_methods
from camaug.experiments.report import Report, ReportImage
from camaug.experiments.supported_methods import explain, measure_supported
from camaug.experiments.table import Cell, Table
from camaug.experiments.target_classes import class_probabilities
from camaug.explainers import Explainer
from camaug.images.class_names import class_label, find_class
from camaug.images.render import caption, enlarge, grid, overlay

__all__ = ["ClassMapsExperiment"]

_SMALLEST_SIDE = 224
_PERCENT_COLUMNS = ("confidence, %", "own map, %", "other map, %")


class _ClassifiedBatch(NamedTuple):
    """A batch, its class probabilities (N, classes), and the explained classes of each image (N, k)."""

    batch: ImageBatch
    probabilities: Tensor
    classes: Tensor


@dataclass(frozen=True)
class ClassMapsExperiment(BootstrapExperiment):
    """Ability of each method to separate the classes of one image.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.1 and Figure 3. Each image is explained for several
    classes. The report has an image for each method, with the explained images as its rows, and a table: the rank
    correlation of the maps of different classes, 1 for a class-independent method; and the confidence in a class if the
    image is masked by the class's own map and by the maps of the other classes, blurred elsewhere. The larger the
    difference between these two, the better the maps show which part of the image belongs to which class.

    Args:
        methods: Names of methods, or explainers with their settings.
        classes: A number k for the k most probable classes of each image, or a list of names and indices for all
            images.
        shown: Number of images in the report.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If an argument is out of range, a name is unknown, or there are fewer than two classes.

    Example:
        >>> import torchvision
        >>> experiment = ClassMapsExperiment(["grad-cam"], classes=2)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> [image.name for image in report.images]
        ['class maps of grad-cam']
    """

    name: ClassVar[str] = "class_maps"

    methods: Sequence[str | Explainer] = ("grad-cam", "group-cam")
    classes: int | Sequence[str | int] = 2
    shown: int = 8

    def __post_init__(self) -> None:
        named_methods(self.methods)
        if (self.classes if isinstance(self.classes, int) else len(self.classes)) < 2:
            raise ValueError(f"`classes` must be at least 2 of an image, or the names of 2, got {self.classes}")
        if self.shown < 0:
            raise ValueError(f"`shown` must be at least 0 images, got {self.shown}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return a table of all methods and an image of each."""
        classified = [self._classify(model, batch) for batch in batches]

        def measure(name: str, method: Explainer) -> tuple[list[Cell], list[ReportImage]]:
            maps = [_explain_classes(method, model, classified[number]) for number in track(range(len(batches)), name)]
            row = [name, *self._metrics(model, classified, maps), image_count(batches)]
            return row, [ReportImage(f"class maps of {name}", self._image(classified, maps))] if self.shown else []

        results, notes = measure_supported(named_methods(self.methods).items(), measure)
        columns = ["method", "correlation", *_PERCENT_COLUMNS, "images"]
        formats = {"correlation": "{:.2f}", **dict.fromkeys(_PERCENT_COLUMNS, "{:.1f}")}
        return Report(
            title=f"Maps of {len(classified[0].classes[0])} classes of each image",
            tables=[Table("class maps", columns, [row for row, _ in results.values()], formats, notes)],
            images=[image for _, images in results.values() for image in images],
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "Correlation: rank correlation of the maps of an image's classes, 1 for a class-independent method.",
                "Confidence: the confidence in a class for the whole image; for the image masked by the class's own "
                "map, blurred elsewhere; and for the image masked by the map of another class.",
            ),
        )

    def _classify(self, model: nn.Module, batch: ImageBatch) -> _ClassifiedBatch:
        probabilities = class_probabilities(model, batch.images)
        return _ClassifiedBatch(batch, probabilities, self._choose_classes(batch, probabilities))

    def _choose_classes(self, batch: ImageBatch, probabilities: Tensor) -> Tensor:
        """Return the explained classes of each image, (N, k)."""
        count = probabilities.shape[1]
        if isinstance(self.classes, int):
            if self.classes > count:
                raise ValueError(f"`classes` must be at most the model's {count}, got {self.classes}")
            return probabilities.topk(self.classes, dim=1).indices
        indices = [
            find_class(class_, batch.class_names) if isinstance(class_, str) else class_ for class_ in self.classes
        ]
        if any(not 0 <= index < count for index in indices) or len(set(indices)) < len(indices):
            raise ValueError(f"`classes` must be different ones of the model's {count}, got {indices}")
        return torch.tensor(indices, device=probabilities.device).expand(len(probabilities), -1)

    def _metrics(self, model: nn.Module, classified: Sequence[_ClassifiedBatch], maps: Sequence[Tensor]) -> list[Cell]:
        """Return the cells of a method: correlation, and confidence of the whole image, by own and by other maps."""
        correlation = torch.cat([class_correlation(batch_maps) for batch_maps in maps])
        whole = torch.cat([part.probabilities.gather(1, part.classes).mean(dim=1) for part in classified])
        masked = torch.cat(
            [
                confidence_through(model, part.batch.images, batch_maps, part.classes)
                for part, batch_maps in zip(classified, maps, strict=True)
            ]
        )
        own = masked.diagonal(dim1=1, dim2=2).mean(dim=1)
        k = masked.shape[1]
        other = (masked.sum(dim=(1, 2)) - own * k) / (k * (k - 1))
        return [self._interval(correlation), *(self._interval(values).scaled(100) for values in (whole, own, other))]

    def _image(self, classified: Sequence[_ClassifiedBatch], maps: Sequence[Tensor]) -> Tensor:
        columns = 1 + classified[0].classes.shape[1]
        cells: list[Tensor] = []
        for part, batch_maps in zip(classified, maps, strict=True):
            remaining = self.shown - len(cells) // columns
            for index in range(min(remaining, len(part.batch.images))):
                cells += _row(part, index, batch_maps[index].cpu())
        return grid(cells, columns=columns)


def _explain_classes(method: Explainer, model: nn.Module, part: _ClassifiedBatch) -> Tensor:
    """Return a map for each class of each image, (N, k, H, W)."""
    maps = [explain(method, model, part.batch.images, classes).maps for classes in part.classes.unbind(dim=1)]
    return torch.stack(maps, dim=1)


def _row(part: _ClassifiedBatch, index: int, maps: Tensor) -> list[Tensor]:
    """Return an image and the overlay of each of its classes, with captions."""
    batch, classes = part.batch, part.classes[index]
    image = batch.to_display()[index]
    name = "" if batch.names is None else batch.names[index]
    label = "" if batch.labels is None else class_label(batch.class_names, int(batch.labels[index]))
    image_caption = ([text for text in (name, label) if text] + ["", ""])[:2]
    class_captions = [
        [class_label(batch.class_names, class_).split(",")[0], f"{probability:.0%}"]
        for class_, probability in zip(classes.tolist(), part.probabilities[index][classes].tolist(), strict=True)
    ]
    overlays = overlay(image.expand(len(maps), -1, -1, -1), maps)
    cells = enlarge(torch.cat([image[None], overlays]), _SMALLEST_SIDE)
    return [caption(cell, text) for cell, text in zip(cells, [image_caption, *class_captions], strict=True)]
