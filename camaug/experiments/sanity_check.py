"""Experiment 5: do maps change if the network's weights are randomised? The paper's Figure 6."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from camaug.experiments.bootstrap_experiment import BootstrapExperiment
from camaug.experiments.experiment import Track
from camaug.experiments.image_batch import ImageBatch, image_count
from camaug.experiments.mean_interval import interval_note
from camaug.experiments.named_methods import named_methods
from camaug.experiments.report import Curves, Report, ReportImage
from camaug.experiments.supported_methods import explain, measure_supported
from camaug.experiments.table import Cell, Table
from camaug.experiments.target_classes import target_classes
from camaug.explainers import Explainer
from camaug.images.render import caption, enlarge, grid, overlay
from camaug.inspection.random_weights import layers_to_randomise, randomised
from camaug.inspection.unwrap import unwrap
from camaug.metrics import rank_correlation

__all__ = ["SanityCheckExperiment"]

Order = Literal["cascading", "independent"]
MapsByLayer = dict[str, Tensor]
"""Maps (N, H, W) by the name of the randomised layer, or ``INTACT`` for the trained network."""

ORDERS: tuple[Order, ...] = ("cascading", "independent")
INTACT = "intact"

_SMALLEST_SIDE = 112


@dataclass(frozen=True)
class SanityCheckExperiment(BootstrapExperiment):
    """Similarity of the trained network's maps to the maps of the network with random weights.

    Adebayo et al. 2018, Sanity Checks for Saliency Maps (arXiv 1810.03292), section 3.1; Zhang, Rao, Yang 2021,
    Group-CAM (arXiv 2103.13859), section 4.5 and Figure 6. ``cascading``: layers are randomised from the head
    downwards, each with all layers above it. ``independent``: one layer is randomised at a time. The explained class is
    always the prediction of the trained network. A method whose maps do not change does not show what the network has
    learned.

    The report has for both orders a table of the rank correlation with the trained network's maps by layer and for each
    method a strip of overlays, and a curve of the cascading order.

    Args:
        methods: Names of methods, or explainers with their settings.
        layers: Number of layers that are randomised in turn: the head, the first layer, and others evenly between; None
            for all.
        shown: Number of images in the strips.
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the random weights and of the bootstrap.

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

    def __post_init__(self) -> None:
        named_methods(self.methods)
        if self.layers is not None and self.layers < 2:
            raise ValueError(f"`layers` must be at least 2, the head and the first, or None for all, got {self.layers}")
        if self.shown < 1:
            raise ValueError(f"`shown` must be at least 1 image, got {self.shown}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return tables, curves and strips of overlays."""
        model = unwrap(model)
        targets = [target_classes(model, batch, "predicted") for batch in batches]
        layers = dict(reversed(layers_to_randomise(model, batches[0].images).items()))
        names = _choose_evenly(list(layers), self.layers)

        def measure(name: str, method: Explainer) -> dict[Order, MapsByLayer]:
            intact = _explain_all(method, model, batches, targets)
            maps: dict[Order, MapsByLayer] = {order: {INTACT: intact} for order in ORDERS}
            for order, layer, modules in track(list(_randomisations(layers, names)), name):
                with randomised(modules, seed=self.seed):
                    maps[order][layer] = _explain_all(method, model, batches, targets)
            return maps

        results, notes = measure_supported(named_methods(self.methods).items(), measure)
        correlations = {order: {name: _correlations(maps[order]) for name, maps in results.items()} for order in ORDERS}
        return Report(
            title="Sanity check by random weights",
            tables=[self._table(order, names, correlations[order], notes) for order in ORDERS],
            curves=[_cascading_curves(correlations["cascading"])],
            images=[
                ReportImage(f"{order} randomisation of {name}", self._strip(batches, maps[order]))
                for name, maps in results.items()
                for order in ORDERS
            ],
            notes=(
                interval_note(self.confidence, image_count(batches)),
                f"{len(names)} of the {len(layers)} layers with weights. Rank correlation with the map of the trained "
                "network: 1 for the same map, 0 for an unrelated one. A constant map correlates with no other.",
            ),
        )

    def _table(
        self, order: Order, layers: Sequence[str], correlations: Mapping[str, MapsByLayer], notes: Sequence[str]
    ) -> Table:
        layer_column = "random from the head down to" if order == "cascading" else "random"
        rows: list[list[Cell]] = [
            [layer, *(self._interval(by_layer[layer]) for by_layer in correlations.values())] for layer in layers
        ]
        columns = [layer_column, *correlations]
        return Table(f"{order} randomisation", columns, rows, dict.fromkeys(correlations, "{:.2f}"), notes)

    def _strip(self, batches: Sequence[ImageBatch], maps: MapsByLayer) -> Tensor:
        """Return a row for each image: the image, and the overlay of each layer's map."""
        images = torch.cat([batch.to_display() for batch in batches])[: self.shown].float().cpu()
        captions = _two_line_captions(list(maps))
        cells: list[Tensor] = []
        for index, image in enumerate(images):
            cells.append(caption(enlarge(image[None], _SMALLEST_SIDE)[0], ["image", ""]))
            for layer, layer_maps in maps.items():
                overlaid = overlay(image[None], layer_maps[index, None].cpu())
                cells.append(caption(enlarge(overlaid, _SMALLEST_SIDE)[0], captions[layer]))
        return grid(cells, columns=1 + len(maps))


def _randomisations(
    layers: Mapping[str, nn.Module], names: Sequence[str]
) -> Iterator[tuple[Order, str, list[nn.Module]]]:
    """Yield order, name of the layer, and the modules to randomise. The layers are sorted from the head downwards."""
    modules = list(layers.values())
    for order in ORDERS:
        for index, name in enumerate(layers):
            if name in names:
                yield order, name, modules[: index + 1] if order == "cascading" else [modules[index]]


def _choose_evenly(names: Sequence[str], count: int | None) -> list[str]:
    """Return the first and the last name and others evenly between, in order.

    Example:
        >>> _choose_evenly(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    if count is None or count >= len(names):
        return list(names)
    return [names[round(index * (len(names) - 1) / (count - 1))] for index in range(count)]


def _two_line_captions(layers: Sequence[str]) -> dict[str, list[str]]:
    """Return captions of two lines, without the prefix that all names share, and the last part on a line of its own.

    Example:
        >>> _two_line_captions(["intact", "model.head", "model.body.3.conv"])
        {'intact': ['intact', ''], 'model.head': ['head', ''], 'model.body.3.conv': ['body.3', 'conv']}
    """
    common = os.path.commonprefix([name for name in layers if name != INTACT])  # noqa: RUF071 - and then up to a dot
    common = common[: common.rfind(".") + 1]
    parts = {name: name.removeprefix(common).rpartition(".") for name in layers}
    return {name: [last, ""] if not first else [first, last] for name, (first, _, last) in parts.items()}


def _explain_all(
    method: Explainer, model: nn.Module, batches: Sequence[ImageBatch], targets: Sequence[Tensor]
) -> Tensor:
    return torch.cat(
        [
            explain(method, model, batch.images, classes).maps.cpu()
            for batch, classes in zip(batches, targets, strict=True)
        ]
    )


def _correlations(maps: MapsByLayer) -> MapsByLayer:
    """Return the rank correlation (N,) of each layer's maps with the trained network's maps."""
    return {layer: rank_correlation(maps[INTACT], layer_maps) for layer, layer_maps in maps.items()}


def _cascading_curves(correlations: Mapping[str, MapsByLayer]) -> Curves:
    series = {
        name: (list(range(len(by_layer))), [float(values.mean()) for values in by_layer.values()])
        for name, by_layer in correlations.items()
    }
    return Curves(
        "cascading randomisation",
        "number of the table's layers that are random, from the head downwards",
        "rank correlation with the trained network's map",
        series,
    )
