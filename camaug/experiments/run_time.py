"""Experiment 3: how long the methods take, the paper's Table 3."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from camaug.experiments.base import Experiment, ImageBatch, Track
from camaug.experiments.cost import CountingForward, now
from camaug.experiments.methods import RefusedError, as_methods, explain, omissions
from camaug.experiments.report import Cell, Report, Table
from camaug.explainers import Explainer
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap

__all__ = ["RunTimeExperiment"]

_FORWARD = "one forward pass"


@dataclass(frozen=True)
class RunTimeExperiment(Experiment):
    """The time that each method takes for an image, and how many forward passes that is.

    Zhang, Rao, Yang 2021, Group-CAM (arXiv 2103.13859), Table 3, which explains images one by one. After a warm-up the
    methods are timed in turn, round after round, so that a machine that slows down slows all of them; the figure is
    the median of the rounds. The ratio to one forward pass of the same batch, which is timed with them, says
    more of a method than its milliseconds on this machine.

    Args:
        methods: Names of methods, or explainers with their settings.
        batch_sizes: Images that are explained at once. A size above the number of images is that number.
        rounds: How often each method is timed.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> import torch, torchvision
        >>> experiment = RunTimeExperiment(["grad-cam"], batch_sizes=[1, 2], rounds=1)
        >>> report = experiment.run(torchvision.models.resnet18(), [ImageBatch(torch.rand(2, 3, 64, 64))])
        >>> report.table("run time").column("images at once")
        [1, 1, 2, 2]
    """

    name: ClassVar[str] = "run_time"

    methods: Sequence[str | Explainer] = ("grad-cam", "group-cam")
    batch_sizes: Sequence[int] = (1, 16)
    rounds: int = 5

    def __post_init__(self) -> None:
        as_methods(self.methods)
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise ValueError(f"`batch_sizes` must be at least 1 image each, got {list(self.batch_sizes)}")
        if self.rounds < 1:
            raise ValueError(f"`rounds` must be at least 1, got {self.rounds}")

    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """One table, a row for each method and number of images at once."""
        images = torch.cat([batch.images for batch in batches])
        sizes = list(dict.fromkeys(min(size, len(images)) for size in self.batch_sizes))
        rows: list[list[Cell]] = []
        notes: tuple[str, ...] = ()
        for size in sizes:
            parts = [part for part in torch.split(images, size) if len(part) == size]
            found, notes = self._rows(model, parts, track)
            rows += found
        ratio = "times a forward pass"
        return Report(
            title="Run time",
            tables=[
                Table(
                    "run time",
                    ["method", "images at once", "ms an image", ratio, "queries"],
                    rows,
                    {"ms an image": "{:.1f}", ratio: "{:.1f}", "queries": "{:.0f}"},
                    notes,
                )
            ],
            notes=(
                f"The median of {self.rounds} rounds after a warm-up, in turn, on {_device(images.device)}.",
                "Queries are the images that the model is asked about to explain one.",
            ),
        )

    def _rows(
        self, model: nn.Module, parts: Sequence[Tensor], track: Track
    ) -> tuple[list[list[Cell]], tuple[str, ...]]:
        size = len(parts[0])
        methods = as_methods(self.methods)
        forwards = {name: CountingForward(model) for name in (_FORWARD, *methods)}
        work: dict[str, Callable[[Tensor], object]] = {_FORWARD: partial(_forward, model, forwards[_FORWARD])}
        omitted = {}
        for name, method in track(list(methods.items()), f"warm-up, {size} at once"):
            try:
                explain(method, model, parts[0], None)
            except RefusedError as error:
                omitted[name] = str(error)
                continue
            work[name] = partial(method, model, forward=forwards[name])
        notes = omissions(omitted, len(methods))
        _forward(model, model, parts[0])
        seconds: dict[str, list[float]] = {name: [] for name in work}
        turns = list(itertools.product(range(self.rounds), work))
        for turn, name in track(turns, f"timing, {size} at once"):
            part = parts[turn % len(parts)]
            start = now(part.device)
            work[name](part)
            seconds[name].append(now(part.device) - start)
        median = {name: statistics.median(times) / size for name, times in seconds.items()}
        rows: list[list[Cell]] = [
            [name, size, time * 1000, time / median[_FORWARD], forwards[name].images / (size * self.rounds)]
            for name, time in median.items()
        ]
        return rows, notes


def _forward(model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor) -> None:
    with neutral(unwrap(model)):
        forward(images)


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"the CPU (threads: {torch.get_num_threads()})" if device.type == "cpu" else str(device)
