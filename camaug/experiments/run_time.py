"""Experiment 3: the run time of the methods, the paper's Table 3."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.experiments.counting_forward import CountingForward
from camaug.experiments.experiment import Experiment, Track
from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.named_methods import named_methods
from camaug.experiments.report import Report
from camaug.experiments.supported_methods import explain, measure_supported
from camaug.experiments.table import Cell, Table
from camaug.explainers import Explainer
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.timing import now

__all__ = ["RunTimeExperiment"]

_FORWARD = "one forward pass"
_RATIO = "ratio to a forward pass"

Work = Callable[[Tensor], object]


@dataclass(frozen=True)
class RunTimeExperiment(Experiment):
    """Time that each method takes for an image, and its ratio to a forward pass.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), Table 3, which explains single images. After a warm-up the
    methods are timed in turn, round after round, so that a slowdown of the machine affects all of them. The reported
    time is the median of the rounds. The ratio to one forward pass of the same batch, timed in the same rounds, depends
    less on the machine than the milliseconds.

    Args:
        methods: Names of methods, or explainers with their settings.
        batch_sizes: Images that are explained at once. A size above the number of images becomes that number.
        rounds: Number of times that each method is timed.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> import torch, torchvision
        >>> experiment = RunTimeExperiment(["grad-cam"], batch_sizes=[1, 2], rounds=1)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> report.table("run time").column("batch size")
        [1, 1, 2, 2]
    """

    name: ClassVar[str] = "run_time"

    methods: Sequence[str | Explainer] = ("grad-cam", "group-cam")
    batch_sizes: Sequence[int] = (1, 16)
    rounds: int = 5

    def __post_init__(self) -> None:
        named_methods(self.methods)
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise ValueError(f"`batch_sizes` must be at least 1 image each, got {list(self.batch_sizes)}")
        if self.rounds < 1:
            raise ValueError(f"`rounds` must be at least 1, got {self.rounds}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Return one table with a row for each method and batch size."""
        images = torch.cat([batch.images for batch in batches])
        rows: list[list[Cell]] = []
        notes: tuple[str, ...] = ()
        for size in dict.fromkeys(min(size, len(images)) for size in self.batch_sizes):
            parts = [part for part in torch.split(images, size) if len(part) == size]
            size_rows, notes = self._rows(model, parts, track)
            rows += size_rows
        columns = ["method", "batch size", "ms per image", _RATIO, "queries"]
        formats = {"ms per image": "{:.1f}", _RATIO: "{:.1f}", "queries": "{:.0f}"}
        return Report(
            title="Run time",
            tables=[Table("run time", columns, rows, formats, notes)],
            notes=(
                f"Median of {self.rounds} rounds after a warm-up, in turn, on {_device_name(images.device)}.",
                "Queries are the images in forward passes to explain one image.",
            ),
        )

    def _rows(
        self, model: nn.Module, parts: Sequence[Tensor], track: Track
    ) -> tuple[list[list[Cell]], tuple[str, ...]]:
        """Return a row for each method at one batch size, and notes on the methods that were left out."""
        size = len(parts[0])
        methods = named_methods(self.methods)

        def warm_up(name: str, method: Explainer) -> None:
            explain(method, model, parts[0], None)

        supported, notes = measure_supported(track(list(methods.items()), f"warm-up, {size} at once"), warm_up)
        _forward(model, model, parts[0])
        forwards = {name: CountingForward(model) for name in (_FORWARD, *supported)}
        work: dict[str, Work] = {_FORWARD: partial(_forward, model, forwards[_FORWARD])}
        work |= {name: partial(methods[name], model, forward=forwards[name]) for name in supported}
        medians = self._time(work, parts, track)
        rows: list[list[Cell]] = [
            [name, size, seconds * 1000, seconds / medians[_FORWARD], forwards[name].images / (size * self.rounds)]
            for name, seconds in medians.items()
        ]
        return rows, notes

    def _time(self, work: Mapping[str, Work], parts: Sequence[Tensor], track: Track) -> dict[str, float]:
        """Return the median seconds per image of each piece of work."""
        size = len(parts[0])
        seconds: dict[str, list[float]] = {name: [] for name in work}
        turns = list(itertools.product(range(self.rounds), work))
        for turn, name in track(turns, f"timing, {size} at once"):
            part = parts[turn % len(parts)]
            start = now(part.device)
            work[name](part)
            seconds[name].append(now(part.device) - start)
        return {name: statistics.median(times) / size for name, times in seconds.items()}


def _forward(model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor) -> None:
    with neutral(unwrap(model)):
        forward(images)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"the CPU (threads: {torch.get_num_threads()})" if device.type == "cpu" else str(device)
