"""Checks and measurements on an accelerator: ``python benchmarks/gpu_check.py``.

Writes ``gpu_check.md``, and one CSV file for each table, into the output's folder. A check that fails is a row with its
error, and the others run on. In the table of explainers the CPU computes in float32, a GPU's convolutions in TF32.
With ``--device cpu`` everything runs in small sizes, to check the script itself.
"""

from __future__ import annotations

import argparse
import copy
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# The folder of this file, which Python puts first, has a coverage.py in it, and would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

import lightning as L  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import torchvision  # noqa: E402
from lightning.pytorch.loggers import TensorBoardLogger  # noqa: E402
from rich.console import Console  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from benchmarks import machine  # noqa: E402
from camaug import GroupCamTransform, get_explainer, list_explainers  # noqa: E402
from camaug.augmentation.recipes import list_recipes  # noqa: E402
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation  # noqa: E402
from camaug.experiments.print_report import print_report  # noqa: E402
from camaug.experiments.report import Report  # noqa: E402
from camaug.experiments.table import Cell, Table  # noqa: E402
from camaug.experiments.table_text import to_csv, to_markdown  # noqa: E402
from camaug.functional.rank_correlation import rank_correlation  # noqa: E402
from camaug.utils.timing import now  # noqa: E402

FEW_QUERIES: dict[str, dict[str, Any]] = {
    "group-cam": {"groups": 8},
    "integrated-gradients": {"steps": 8},
    "is-cam": {"steps": 2},
    "noise-smooth": {"samples": 2},
    "rise": {"masks": 64, "cells": 4},
    "smooth-grad": {"samples": 3},
    "smooth-grad-cam++": {"samples": 2},
    "ss-cam": {"samples": 2},
    "xrai": {"steps": 4, "smallest": 4, "scales": (10, 50)},
}
TRANSFORMERS = ("legrad",)
MANY_QUERIES = ("is-cam", "score-cam", "ss-cam", "xrai")
CLASSES = 10


@dataclass(frozen=True)
class Sizes:
    """Device and sizes of the checks.

    Attributes:
        device: The device.
        batch: Images in a training batch.
        side: Side of the images in pixels.
        steps: Training steps that are timed.
    """

    device: torch.device
    batch: int = 64
    side: int = 224
    steps: int = 12


class Classifier(L.LightningModule):
    """A network trained by plain SGD."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """Return the cross entropy."""
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Log the cross entropy."""
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.SGD(self.parameters(), lr=0.01)


class StepClock(L.Callback):
    """Seconds of each training step, waiting for the device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: list[float] = []
        self.loss = float("nan")

    def on_train_batch_start(self, *args: Any) -> None:
        """Start the clock."""
        self._start = now(self.device)

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, *args: Any) -> None:
        """Stop the clock."""
        self.seconds.append(now(self.device) - self._start)
        self.loss = float(outputs["loss"])


def explainers(sizes: Sizes) -> Table:
    """Compare every method's maps on the device with those on the CPU."""
    torch.manual_seed(0)
    import timm

    convolutional = torchvision.models.resnet18(num_classes=CLASSES).eval()
    transformer = timm.create_model("vit_tiny_patch16_224", num_classes=CLASSES).eval()
    rows: list[list[Cell]] = []
    for name in list_explainers():
        model = transformer if name in TRANSFORMERS else convolutional
        side = 224 if name in TRANSFORMERS else min(sizes.side, 112)
        images = torch.rand(2 if name in (*TRANSFORMERS, *MANY_QUERIES) else 8, 3, side, side)
        rows.append([name, *_attempt(lambda: _compare(name, model, images, sizes.device), columns=4)])  # noqa: B023
    columns = ("method", "largest difference", "rank correlation", "images/s", "random numbers", "error")
    formats = {"largest difference": "{:.4f}", "rank correlation": "{:.4f}", "images/s": "{:.0f}"}
    return Table("explainers", columns, rows, formats)


def _compare(name: str, model: nn.Module, images: Tensor, device: torch.device) -> list[Cell]:
    explainer, targets = get_explainer(name, **FEW_QUERIES.get(name, {})), torch.arange(len(images))
    expected = explainer(model, images, targets).maps
    moved, inputs = copy.deepcopy(model).to(device), images.to(device)
    state = _device_state(device)
    maps = explainer(moved, inputs, targets.to(device)).maps
    is_untouched = torch.equal(state, _device_state(device))
    start = now(device)
    explainer(moved, inputs, targets.to(device))
    rate = len(images) / (now(device) - start)
    difference = float((maps.cpu() - expected).abs().max())
    correlation = float(rank_correlation(maps.cpu(), expected).mean())
    return [difference, correlation, rate, "untouched" if is_untouched else "CHANGED"]


def neutrality(sizes: Sizes) -> Table:
    """Train with and without the watching callbacks and compare weights and random numbers bit for bit."""
    expected = _train_small(sizes)
    callbacks: dict[str, Callable[[], list[L.Callback]]] = {
        "nothing": list,
        "CamLogger, group-cam": lambda: [CamLogger("group-cam", images=4)],
        "CamLogger, grad-cam": lambda: [CamLogger("grad-cam", images=4)],
        "CamEvaluator": lambda: [CamEvaluator(["insertion_deletion", "drift", "average_drop"], "grad-cam", 8)],
        "augmentation from epoch 9 on": lambda: [GroupCamAugmentation(start_epoch=9)],
    }
    rows: list[list[Cell]] = []
    for name, make in callbacks.items():

        def run(make: Callable[[], list[L.Callback]] = make) -> list[Cell]:
            weights, state = _train_small(sizes, *make())
            same = all(torch.equal(one, other) for one, other in zip(weights, expected[0], strict=True))
            return ["equal" if same else "DIFFERENT", "equal" if torch.equal(state, expected[1]) else "DIFFERENT"]

        rows.append([name, *_attempt(run, columns=2)])
    return Table("neutrality", ("callback", "weights", "random numbers", "error"), rows)


def _train_small(sizes: Sizes, *callbacks: L.Callback) -> tuple[list[Tensor], Tensor]:
    L.seed_everything(1, verbose=False)
    net = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32)),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(32, CLASSES)),
    )
    module = Classifier(net)
    torch.use_deterministic_algorithms(True)
    try:
        with _trainer(sizes, *callbacks, max_epochs=3) as trainer:
            trainer.fit(module, _loader(64, 32, 16), _loader(32, 32, 16))
    finally:
        torch.use_deterministic_algorithms(False)
    return [value.detach().cpu().clone() for value in module.state_dict().values()], _device_state(sizes.device)


def host_waits(sizes: Sizes) -> Table:
    """Count the synchronisations with the host in one call of the transform, from the fourth call on."""
    net = torchvision.models.resnet18(num_classes=CLASSES).to(sizes.device)
    images = torch.rand(8, 3, 112, 112, device=sizes.device)
    labels = torch.arange(8, device=sizes.device)
    rows: list[list[Cell]] = []
    for recipe in list_recipes():

        def run(recipe: str = recipe) -> list[Cell]:
            transform = GroupCamTransform(net, recipe=recipe, share=0.5)
            for _ in range(3):
                transform(images, labels)
            torch.cuda.set_sync_debug_mode("warn")
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    transform(images, labels)
            finally:
                torch.cuda.set_sync_debug_mode("default")
            waits = [
                f"{Path(each.filename).name}:{each.lineno}" for each in caught if "synchroniz" in str(each.message)
            ]
            return [len(waits), ", ".join(waits)]

        rows.append([recipe, *_attempt(run, columns=2)])
    return Table("host waits per call", ("recipe", "waits", "lines", "error"), rows)


def steps(sizes: Sizes) -> Table:
    """Time a training step and measure its peak memory with every recipe in every precision, as multiples of plain."""
    precisions = ("32-true", "16-mixed", "bf16-mixed", "bf16-true") if sizes.device.type == "cuda" else ("32-true",)
    rows: list[list[Cell]] = []
    for precision in precisions:
        plain = _attempt(lambda: _time_steps(sizes, precision, None), columns=3)  # noqa: B023
        rows.append([precision, "plain", *plain[:3], 1.0, 1.0, plain[3]])
        arms: dict[str, L.Callback] = {name: GroupCamAugmentation(recipe=name) for name in list_recipes()}
        arms["hide-salient by grad-cam"] = GroupCamAugmentation("grad-cam", recipe="hide-salient")
        arms["paper"] = GroupCamAugmentation(preset="paper")
        for name, callback in arms.items():
            ms, memory, loss, error = _attempt(lambda: _time_steps(sizes, precision, callback), columns=3)  # noqa: B023
            ratios: list[Cell] = [None, None]
            if isinstance(ms, float) and isinstance(plain[0], float):
                ratios = [ms / plain[0], memory / plain[1] if plain[1] else None]  # type: ignore[operator]
            rows.append([precision, name, ms, memory, loss, *ratios, error])
    columns = ("precision", "recipe", "ms", "MiB", "last loss", "steps", "memory", "error")
    formats = {"ms": "{:.1f}", "MiB": "{:.0f}", "last loss": "{:.3f}", "steps": "{:.2f}", "memory": "{:.2f}"}
    return Table("training steps", columns, rows, formats)


def _time_steps(sizes: Sizes, precision: Any, callback: L.Callback | None) -> list[Cell]:
    L.seed_everything(1, verbose=False)
    clock = StepClock(sizes.device)
    if sizes.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    loader = _loader(sizes.batch * 4, sizes.side, sizes.batch)
    callbacks = [clock] if callback is None else [clock, callback]
    with _trainer(sizes, *callbacks, max_epochs=max(1, sizes.steps // 4), precision=precision) as trainer:
        trainer.fit(Classifier(torchvision.models.resnet50(num_classes=CLASSES)), loader)
    memory = torch.cuda.max_memory_allocated() / 2**20 if sizes.device.type == "cuda" else 0.0
    if clock.loss != clock.loss:
        raise ArithmeticError("the loss is not a number")
    return [1000 * statistics.median(clock.seconds[len(clock.seconds) // 3 :]), memory, clock.loss]


def _attempt(run: Callable[[], list[Cell]], columns: int) -> list[Cell]:
    """Return the cells and an empty error, or empty cells and the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [*run(), ""]
    except Exception as error:  # a failed check is a row of the report
        return [*[None] * columns, f"{type(error).__name__}: {error}"[:200]]


def _device_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state() if device.type == "cuda" else torch.get_rng_state()


def _loader(count: int, side: int, batch: int) -> DataLoader[Any]:
    images = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(images, torch.arange(count) % CLASSES), batch_size=batch)


@contextmanager
def _trainer(sizes: Sizes, *callbacks: L.Callback, **settings: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        yield L.Trainer(
            accelerator="gpu" if sizes.device.type == "cuda" else "cpu",
            devices=1,
            callbacks=list(callbacks),
            logger=TensorBoardLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **settings,
        )


SECTIONS = {"explainers": explainers, "neutrality": neutrality, "host_waits": host_waits, "steps": steps}


def main(args: Sequence[str] | None = None) -> None:
    """Run the sections and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(args)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    sizes = Sizes(torch.device(options.device))
    if options.device == "cpu":
        sizes = replace(sizes, batch=2, side=64, steps=4)
    options.output.mkdir(parents=True, exist_ok=True)
    facts = machine.describe(sizes.device)
    text = "# Checks on an accelerator\n\n" + "".join(f"- {name}: {value}\n" for name, value in facts.items())
    for name in options.only:
        if name == "host_waits" and options.device == "cpu":
            continue
        start = time.perf_counter()
        table = SECTIONS[name](sizes)
        print_report(Report(f"{name}, {time.perf_counter() - start:.0f} s", [table]), Console(width=160))
        text += f"\n## {table.name}\n\n{to_markdown(table)}\n"
        (options.output / "gpu_check.md").write_text(text, encoding="utf-8")
        (options.output / f"gpu_check_{name}.csv").write_text(to_csv(table), encoding="utf-8")


if __name__ == "__main__":
    main()
