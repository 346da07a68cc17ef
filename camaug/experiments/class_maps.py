"""Experiment 6: maps of several classes of one image, the paper's Figure 3."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, Track
from camaug.experiments.methods import RefusedError, as_methods, explain, image_count, omissions
from camaug.experiments.report import Cell, Interval, Pictures, Report, Table
from camaug.experiments.statistics import interval_note, mean_interval
from camaug.explainers import Explainer
from camaug.functional.masks import blend, gaussian_blur
from camaug.images.class_names import class_label, find_class
from camaug.images.render import caption, denormalise, enlarge, grid, overlay
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.metrics import rank_correlation

__all__ = ["ClassMapsExperiment", "class_correlation", "confidence_through"]

_SHORTER_SIDE = 224


@dataclass(frozen=True)
class ClassMapsExperiment(Experiment):
    """Whether a method tells the classes of an image apart.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), section 4.1 and Figure 3. Each image is explained for several
    classes. The report has a picture for each method, an image a row, and a table: the rank correlation of the maps of
    different classes, 1 for a method that is blind to the class; and the confidence in a class where the image is seen
    through the class's own map and through those of the other classes, blurred elsewhere. The further the two are
    apart, the better the maps tell which part of the image speaks for which class.

    Args:
        methods: Names of methods, or explainers with their settings.
        classes: Which classes: a number k for each image's k likeliest, or a list of names and indices for all images.
        shown: How many images the pictures show.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Raises:
        ValueError: If an argument is out of range, a name is unknown, or there are fewer than two classes.

    Example:
        >>> import torchvision
        >>> experiment = ClassMapsExperiment(["grad-cam"], classes=2)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> [each.name for each in report.pictures]
        ['class maps of grad-cam']
    """

    name: ClassVar[str] = "class_maps"

    methods: Sequence[str | Explainer] = ("grad-cam", "group-cam")
    classes: int | Sequence[str | int] = 2
    shown: int = 8
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        as_methods(self.methods)
        if (self.classes if isinstance(self.classes, int) else len(self.classes)) < 2:
            raise ValueError(f"`classes` must be at least 2 of an image, or the names of 2, got {self.classes}")
        if self.shown < 0:
            raise ValueError(f"`shown` must be at least 0 images, got {self.shown}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """A table of all methods and a picture of each."""
        probabilities = [_probabilities(model, batch.images) for batch in batches]
        chosen = [self._classes(batch, each) for batch, each in zip(batches, probabilities, strict=True)]
        rows: list[list[Cell]] = []
        pictures, omitted = [], {}
        methods = as_methods(self.methods)
        for name, method in methods.items():
            try:
                maps = [
                    _maps(method, model, batches[number].images, chosen[number])
                    for number in track(range(len(batches)), name)
                ]
            except RefusedError as error:
                omitted[name] = str(error)
                continue
            rows.append([name, *self._figures(model, batches, maps, chosen, probabilities), image_count(batches)])
            if self.shown:
                pictures.append(Pictures(f"class maps of {name}", self._picture(batches, maps, chosen, probabilities)))
        notes = omissions(omitted, len(methods))
        columns = ["correlation", "confidence, %", "own map, %", "other map, %"]
        percent = dict.fromkeys(columns[1:], "{:.1f}")
        table = Table(
            "class maps",
            ["method", *columns, "images"],
            rows,
            {columns[0]: "{:.2f}", **percent},
            notes,
        )
        return Report(
            title=f"Maps of {len(chosen[0][0])} classes of each image",
            tables=[table],
            pictures=pictures,
            notes=(
                interval_note(self.confidence, image_count(batches)),
                "Correlation: rank correlation of the maps of an image's classes, 1 where a method is blind to them.",
                "Confidence: in a class, in the whole image; through the class's own map, the image blurred elsewhere; "
                "and through the map of another class of the image.",
            ),
        )

    def _classes(self, batch: ImageBatch, probabilities: Tensor) -> Tensor:
        """The classes of each image, (N, k)."""
        available = probabilities.shape[1]
        if isinstance(self.classes, int):
            if self.classes > available:
                raise ValueError(f"`classes` must be at most the model's {available}, got {self.classes}")
            return probabilities.topk(self.classes, dim=1).indices
        indices = [find_class(each, batch.class_names) if isinstance(each, str) else each for each in self.classes]
        wrong = [index for index in indices if not 0 <= index < available]
        if wrong or len(set(indices)) < len(indices):
            raise ValueError(f"`classes` must be different ones of the model's {available}, got {indices}")
        return torch.tensor(indices, device=probabilities.device).expand(len(probabilities), -1)

    def _figures(
        self,
        model: nn.Module,
        batches: Sequence[ImageBatch],
        maps: Sequence[Tensor],
        chosen: Sequence[Tensor],
        probabilities: Sequence[Tensor],
    ) -> list[Interval]:
        correlation = torch.cat([class_correlation(each) for each in maps])
        whole = torch.cat([each.gather(1, c).mean(dim=1) for each, c in zip(probabilities, chosen, strict=True)])
        through = torch.cat(
            [
                confidence_through(model, batch.images, each, classes)
                for batch, each, classes in zip(batches, maps, chosen, strict=True)
            ]
        )
        own = through.diagonal(dim1=1, dim2=2).mean(dim=1)
        k = through.shape[1]
        other = (through.sum(dim=(1, 2)) - own * k) / (k * (k - 1))
        shares = [self._interval(values).scaled(100) for values in (whole, own, other)]
        return [self._interval(correlation), *shares]

    def _picture(
        self,
        batches: Sequence[ImageBatch],
        maps: Sequence[Tensor],
        chosen: Sequence[Tensor],
        probabilities: Sequence[Tensor],
    ) -> Tensor:
        cells: list[Tensor] = []
        for batch, of_batch, classes, each in zip(batches, maps, chosen, probabilities, strict=True):
            pictures = denormalise(batch.images, None, None) if batch.pictures is None else batch.pictures
            for index, picture in enumerate(pictures):
                if len(cells) < self.shown * (1 + classes.shape[1]):
                    cells += _row(batch, index, picture, of_batch[index].cpu(), classes[index], each[index])
        return grid(cells, columns=1 + chosen[0].shape[1])

    def _interval(self, values: Tensor) -> Interval:
        return mean_interval(values, confidence=self.confidence, seed=self.seed)


def class_correlation(maps: Tensor) -> Tensor:
    """How alike the maps of an image's classes are: the mean rank correlation of all pairs.

    Args:
        maps: A map for each class of each image, (N, k, H, W), k at least 2.

    Returns:
        (N,), in [-1, 1]; 1 where the map is the same for all classes.

    Example:
        >>> one = torch.rand(1, 1, 4, 4)
        >>> class_correlation(torch.cat([one, one], dim=1)), class_correlation(torch.cat([one, 1 - one], dim=1))
        (tensor([1.]), tensor([-1.]))
    """
    pairs = list(itertools.combinations(range(maps.shape[1]), 2))
    return torch.stack([rank_correlation(maps[:, first], maps[:, second]) for first, second in pairs]).mean(dim=0)


def confidence_through(model: nn.Module, images: Tensor, maps: Tensor, classes: Tensor) -> Tensor:
    """The confidence in each class where the image is seen through the map of each: blurred where it is 0.

    Args:
        model: The classifier; it is left as it was.
        images: (N, C, H, W).
        maps: A map for each class of each image, (N, k, H, W), in [0, 1].
        classes: (N, k).

    Returns:
        (N, k, k), in [0, 1]: at [n, i, j] the confidence in class i through the map of class j.
    """
    blurred = gaussian_blur(images)
    seen = [_probabilities(model, blend(images, blurred, maps[:, j])).gather(1, classes) for j in range(maps.shape[1])]
    return torch.stack(seen, dim=2)


def _maps(method: Explainer, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    return torch.stack([explain(method, model, images, each).maps for each in classes.unbind(dim=1)], dim=1)


def _probabilities(model: nn.Module, images: Tensor) -> Tensor:
    with neutral(unwrap(model)):
        logits: Tensor = model(images)
        return logits.float().softmax(dim=1)


def _row(
    batch: ImageBatch, index: int, picture: Tensor, maps: Tensor, classes: Tensor, probabilities: Tensor
) -> list[Tensor]:
    """An image and the heat of each class, captioned."""
    name = "" if batch.names is None else batch.names[index]
    truth = "" if batch.labels is None else class_label(batch.class_names, int(batch.labels[index]))
    heats = overlay(picture.expand(len(maps), -1, -1, -1), maps)
    said = [
        (class_label(batch.class_names, class_).split(",")[0], f"{probability:.0%}")
        for class_, probability in zip(classes.tolist(), probabilities[classes].tolist(), strict=True)
    ]
    pictures = enlarge(torch.cat([picture[None], heats]), _SHORTER_SIDE)
    known = [each for each in (name, truth) if each]
    lines = [(*known, "", "")[:2], *said]
    return [caption(each, text) for each, text in zip(pictures, lines, strict=True)]
