"""Time, images per second and peak memory of training steps with each recipe, as multiples of the plain step's."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import lightning as L
import torch
import torch._dynamo
from torch import nn

from benchmarks.accelerator.section import Section, Sizes, attempt
from benchmarks.accelerator.training import Classifier, StepClock, make_loader, make_network, make_trainer
from camaug.augmentation.recipes import list_recipes
from camaug.callbacks import GroupCamAugmentation
from camaug.experiments.table import Cell

__all__ = ["COMPILED_STEPS", "STEPS"]

COLUMNS = ("precision", "recipe", "ms", "images/s", "MiB", "last loss", "steps", "memory", "graphs", "error")
FORMATS = {
    "ms": "{:.1f}",
    "images/s": "{:.0f}",
    "MiB": "{:.0f}",
    "last loss": "{:.3f}",
    "steps": "{:.2f}",
    "memory": "{:.2f}",
}
Arms = dict[str, Callable[[], L.Callback | None]]


def _arms() -> Arms:
    recipes: Arms = {name: lambda name=name: GroupCamAugmentation(recipe=name) for name in list_recipes()}  # type: ignore[misc]
    return {"plain": lambda: None, "paper": lambda: GroupCamAugmentation(preset="paper"), **recipes}


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    for precision in ("32-true", "bf16-mixed", "16-mixed", "bf16-true") if sizes.is_cuda else ("32-true", "bf16-mixed"):
        yield from _compare(sizes, precision, precision, _arms(), lambda net: net)


def _compiled_rows(sizes: Sizes) -> Iterator[list[Cell]]:
    backend = "inductor" if sizes.is_cuda else "aot_eager"
    arms = {name: make for name, make in _arms().items() if name in ("plain", "paper", "hide-salient", "paired")}

    def compile_network(net: nn.Module) -> Any:
        return torch.compile(net, backend=backend)

    precision = "bf16-mixed" if sizes.is_cuda else "32-true"
    yield from _compare(sizes, f"{precision}, compiled", precision, arms, compile_network)


def _compare(
    sizes: Sizes, name: str, precision: str, arms: Arms, change: Callable[[nn.Module], Any]
) -> Iterator[list[Cell]]:
    plain: list[Cell] = [None, None, None]
    for arm, make in arms.items():
        *cells, error = attempt(lambda: _measure(sizes, precision, make(), change), columns=5)  # noqa: B023
        plain = cells if arm == "plain" else plain
        ratios = [_ratio(cells[0], plain[0]), _ratio(cells[2], plain[2])]
        yield [name, arm, *cells[:4], *ratios, cells[4], error]


def _measure(
    sizes: Sizes, precision: Any, callback: L.Callback | None, change: Callable[[nn.Module], Any]
) -> list[Cell]:
    L.seed_everything(1, verbose=False)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    if sizes.is_cuda:
        torch.cuda.reset_peak_memory_stats()
    clock = StepClock(sizes.device)
    callbacks = [clock] if callback is None else [clock, callback]
    module = Classifier(change(make_network(sizes, "resnet50")))
    loader = make_loader(sizes.batch * 4, sizes.side, sizes.batch)
    with make_trainer(sizes, *callbacks, max_epochs=max(1, sizes.steps // 4), precision=precision) as trainer:
        trainer.fit(module, loader)
    memory = torch.cuda.max_memory_allocated() / 2**20 if sizes.is_cuda else None
    if clock.loss != clock.loss:
        raise ArithmeticError("the loss is not a number")
    seconds = statistics.median(clock.seconds[len(clock.seconds) // 3 :])
    graphs = torch._dynamo.utils.counters["stats"].get("unique_graphs", 0)
    return [1000 * seconds, sizes.batch / seconds, memory, clock.loss, graphs]


def _ratio(value: Cell, plain: Cell) -> Cell:
    return value / plain if isinstance(value, float) and isinstance(plain, float) and plain else None


STEPS = Section("training steps", COLUMNS, _rows, budget=170, formats=FORMATS)
COMPILED_STEPS = Section("compiled training steps", COLUMNS, _compiled_rows, budget=60, formats=FORMATS)
