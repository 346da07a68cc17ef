"""Experiment 5: do maps change when what the network has learned is taken away? The paper's Figure 6."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, Track, target_classes
from camaug.experiments.methods import RefusedError, as_methods, explain, image_count, omissions
from camaug.experiments.report import Cell, Curves, Pictures, Report, Table
from camaug.experiments.statistics import interval_note, mean_interval
from camaug.explainers import Explainer
from camaug.images.render import caption, denormalise, enlarge, grid, overlay
from camaug.inspection.random_weights import layers_to_randomise, randomised
from camaug.inspection.unwrap import unwrap
from camaug.metrics import rank_correlation

__all__ = ["SanityCheckExperiment"]

Order = Literal["cascading", "independent"]
ORDERS: tuple[Order, ...] = ("cascading", "independent")
INTACT = "intact"
SMALLEST_SIDE = 112


@dataclass(frozen=True)
class SanityCheckExperiment(Experiment):
    """How like the trained network's maps are those of a network with random weights.

    Adebayo et al. 2018, Sanity Checks for Saliency Maps (arXiv 1810.03292), section 3.1; Zhang, Rao, Yang 2021,
    Group-CAM (arXiv 2103.13859), section 4.5 and Figure 6. ``cascading``: layers are given random weights from the head
    downwards, each with all above it. ``independent``: one layer at a time, the others as they were trained. The class
    that the trained network predicts is explained throughout. A method whose maps stay as they were does not show what
    the network has learned.

    The report has for either order a table of the rank correlation with the trained network's maps by layer and for
    each method a strip of pictures, and the curve of the first.

    Args:
        methods: Names of methods, or explainers with their settings.
        layers: How many layers are taken in turn, the head and the first among them and the others evenly between;
            None for all.
        shown: Images in the strips.
        confidence: Of the intervals.
        seed: Of the random weights and of the bootstrap.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> import torchvision
        >>> experiment = SanityCheckExperiment(["grad-cam"], layers=2)
        >>> report = experiment.run(torchvision.models.squeezenet1_0(), [ImageBatch(torch.rand(1, 3, 64, 64))])
        >>> report.table("cascading randomisation").column("random from the head down to")
        ['classifier.1', 'features.0']
    """

    name: ClassVar[str] = "sanity_check"

    methods: Sequence[str | Explainer] = ("grad-cam", "group-cam")
    layers: int | None = 10
    shown: int = 2
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        as_methods(self.methods)
        if self.layers is not None and self.layers < 2:
            raise ValueError(f"`layers` must be at least 2, the head and the first, or None for all, got {self.layers}")
        if self.shown < 1:
            raise ValueError(f"`shown` must be at least 1 image, got {self.shown}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Tables, curves and strips of pictures."""
        model = unwrap(model)
        targets = [target_classes(model, batch, "predicted") for batch in batches]
        downwards = list(reversed(layers_to_randomise(model, batches[0].images).items()))
        chosen = _evenly([name for name, _ in downwards], self.layers)
        maps: dict[str, dict[Order, dict[str, Tensor]]] = {}
        omitted: dict[str, str] = {}
        methods = as_methods(self.methods)
        for name, method in methods.items():
            try:
                intact = _maps(method, model, batches, targets)
                maps[name] = {order: {INTACT: intact} for order in ORDERS}
                for order, layer, replaced in track(list(_steps(downwards, chosen)), name):
                    with randomised(replaced, seed=self.seed):
                        maps[name][order][layer] = _maps(method, model, batches, targets)
            except RefusedError as error:
                omitted[name] = str(error)
                maps.pop(name, None)
        notes = omissions(omitted, len(methods))
        likeness = {order: {name: _likeness(of_method[order]) for name, of_method in maps.items()} for order in ORDERS}
        return Report(
            title="Sanity check by random weights",
            tables=[self._table(order, chosen, likeness[order], notes) for order in ORDERS],
            curves=[_curve(likeness["cascading"])],
            pictures=[
                Pictures(f"{order} randomisation of {name}", self._strip(batches, of_method[order]))
                for name, of_method in maps.items()
                for order in ORDERS
            ],
            notes=(
                interval_note(self.confidence, image_count(batches)),
                f"{len(chosen)} of the {len(downwards)} layers with weights. Rank correlation with the map of the "
                "trained network: 1 is the same map, 0 another; a flat map does not correlate with any other.",
            ),
        )

    def _table(
        self, order: Order, layers: Sequence[str], likeness: Mapping[str, Mapping[str, Tensor]], notes: Sequence[str]
    ) -> Table:
        first = "random from the head down to" if order == "cascading" else "random"
        rows: list[list[Cell]] = [
            [
                layer,
                *(
                    mean_interval(of_method[layer], confidence=self.confidence, seed=self.seed)
                    for of_method in likeness.values()
                ),
            ]
            for layer in layers
        ]
        return Table(f"{order} randomisation", [first, *likeness], rows, dict.fromkeys(likeness, "{:.2f}"), notes)

    def _strip(self, batches: Sequence[ImageBatch], maps: Mapping[str, Tensor]) -> Tensor:
        pictures = torch.cat(
            [denormalise(b.images, None, None) if b.pictures is None else b.pictures for b in batches]
        )[: self.shown]
        names, cells = _in_two_lines(list(maps)), []
        for index, picture in enumerate(enlarge(pictures.float().cpu(), SMALLEST_SIDE)):
            cells.append(caption(picture, ["image", ""]))
            for layer, of_layer in maps.items():
                heat = overlay(pictures[index, None], of_layer[index, None].cpu())
                cells.append(caption(enlarge(heat, SMALLEST_SIDE)[0], names[layer]))
        return grid(cells, columns=2 + len(maps) - 1)


def _steps(
    downwards: Sequence[tuple[str, nn.Module]], chosen: Sequence[str]
) -> Iterator[tuple[Order, str, list[nn.Module]]]:
    """Which layers are random, by order and by the layer that the step is called after."""
    for order in ORDERS:
        for place, (name, layer) in enumerate(downwards):
            if name in chosen:
                above = [module for _, module in downwards[: place + 1]]
                yield order, name, above if order == "cascading" else [layer]


def _evenly(names: Sequence[str], count: int | None) -> list[str]:
    """The first and the last and others evenly between, in order.

    Example:
        >>> _evenly(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    if count is None or count >= len(names):
        return list(names)
    return [names[round(place * (len(names) - 1) / (count - 1))] for place in range(count)]


def _in_two_lines(layers: Sequence[str]) -> dict[str, list[str]]:
    """Names short enough for captions: without what all of them begin with, and the last part on a line of its own.

    Example:
        >>> _in_two_lines(["intact", "model.head", "model.body.3.conv"])
        {'intact': ['intact', ''], 'model.head': ['head', ''], 'model.body.3.conv': ['body.3', 'conv']}
    """
    common = os.path.commonprefix([name for name in layers if name != INTACT])  # noqa: RUF071 - and then up to a dot
    common = common[: common.rfind(".") + 1]
    parts = {name: name.removeprefix(common).rpartition(".") for name in layers}
    return {name: [last, ""] if not first else [first, last] for name, (first, _, last) in parts.items()}


def _maps(method: Explainer, model: nn.Module, batches: Sequence[ImageBatch], targets: Sequence[Tensor]) -> Tensor:
    return torch.cat([explain(method, model, b.images, t).maps.cpu() for b, t in zip(batches, targets, strict=True)])


def _likeness(maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {layer: rank_correlation(maps[INTACT], of_layer) for layer, of_layer in maps.items()}


def _curve(likeness: Mapping[str, Mapping[str, Tensor]]) -> Curves:
    series = {
        name: (list(range(len(of_method))), [float(values.mean()) for values in of_method.values()])
        for name, of_method in likeness.items()
    }
    return Curves(
        "cascading randomisation",
        "layers of the table that are reached from the head downwards",
        "rank correlation with the trained network's map",
        series,
    )
