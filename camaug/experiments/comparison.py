"""What an augmentation is worth: trainings that differ in one thing, over several seeds, against control arms."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from rich.console import Console

from camaug.experiments.base import require_extras
from camaug.experiments.comparison_report import compare_records, value_of
from camaug.experiments.report import Report
from camaug.experiments.trainings import Record, Training, TrainingFailedError, check_arguments, finished, train
from camaug.experiments.writing import write_report

__all__ = ["Comparison", "main", "run"]

LENGTHS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""How many times longer the reference is trained at equal compute: rounded up to one of these, so that arms share."""

Train = Callable[[Training], Record]


@dataclass(frozen=True)
class Comparison:
    """Which trainings are compared: the section ``compare`` of a configuration.

    Attributes:
        arms: Each arm's name and what is different in it, as sections of a configuration of ``fit``.
        seeds: The seeds that every arm is trained with.
        output: The folder of the trainings and of the report.
        reference: The arm that the others are compared with.
        metric: The logged metric that is compared, higher being better.
        equal_compute: Whether the reference is also trained for as long as each arm that costs more.
        only: The arms to train, the reference always among them; none for all.

    Raises:
        ValueError: If there are no arms or seeds, or the reference is not among the arms.
    """

    arms: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    output: str = "runs/compare"
    reference: str = "none"
    metric: str = "val/accuracy"
    equal_compute: bool = True
    only: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        if self.reference not in self.arms:
            raise ValueError(f"`reference` must be one of the arms {', '.join(self.arms)}, got {self.reference!r}")
        unknown = sorted(set(self.only) - set(self.arms))
        if unknown:
            raise ValueError(f"unknown arms {', '.join(unknown)}, expected some of {', '.join(self.arms)}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"`seeds` must be one or more different numbers, got {list(self.seeds)}")
        for name, settings in self.arms.items():
            if not isinstance(settings, Mapping):
                raise ValueError(
                    f"the arm {name!r} must be sections of a configuration, {{}} for none, got {settings!r}"
                )
            if name != Path(name).name or name.startswith("."):
                raise ValueError(f"an arm's name is the name of its folder too, which {name!r} cannot be")

    def trainings(self) -> Iterator[Training]:
        """Every arm with every seed, the reference first; seed by seed, so that what is there early can be compared."""
        chosen = [name for name in self.arms if not self.only or name in self.only or name == self.reference]
        chosen.sort(key=lambda name: name != self.reference)
        for seed in self.seeds:
            yield from (Training(name, seed, self.arms[name]) for name in chosen)

    def longer_references(self, records: Sequence[Record]) -> list[Training]:
        """The reference, trained as long as each arm that costs more took, its length rounded up to a few."""
        if not self.equal_compute:
            return []
        epochs = {record.epochs for record in records if record.training.arm == self.reference}
        if not epochs:
            return []
        lengths = {rounded_up(cost) for arm, cost in costs(records, self.reference).items() if arm != self.reference}
        return [
            Training(self.reference, seed, self.arms[self.reference], epochs=round(max(epochs) * length))
            for length in sorted(lengths)
            if length > 1
            for seed in self.seeds
        ]


def costs(records: Sequence[Record], reference: str) -> dict[str, float]:
    """Each arm's training time by the reference's: the median over the seeds of the time for a step."""
    steps = {
        arm: median(r.seconds / r.steps for r in records if r.training.arm == arm and r.training.epochs is None)
        for arm in dict.fromkeys(r.training.arm for r in records if r.training.epochs is None)
    }
    return {arm: time / steps[reference] for arm, time in steps.items()} if reference in steps else {}


def rounded_up(cost: float) -> float:
    """The smallest of a few lengths that is no more than a fifth below a cost; the largest where none is.

    Example:
        >>> [rounded_up(cost) for cost in (0.9, 1.15, 1.4, 5.0, 100.0)]
        [1, 1, 1.5, 6, 32]
    """
    return next((length for length in LENGTHS if cost <= 1.2 * length), LENGTHS[-1])


def run(comparison: Comparison, train_one: Train, console: Console) -> tuple[Report, dict[str, str]]:
    """Train what is to be compared.

    Args:
        comparison: Which trainings.
        train_one: Trains one, or finds what it left when it was trained before.
        console: Where it is said how far this is.

    Returns:
        The report, and for each training that failed why.

    Raises:
        ValueError: If nothing but failures came of the reference, so that there is nothing to compare with.
    """
    records: list[Record] = []
    failures: dict[str, str] = {}

    def all_of(trainings: Sequence[Training]) -> None:
        for number, training in enumerate(trainings, start=1):
            name = f"{training.folder}, seed {training.seed}"
            try:
                record = train_one(training)
            except TrainingFailedError as failure:
                failures[name] = str(failure)
                console.print(f"[red]failed[/] {number}/{len(trainings)} {name}")
                console.print(str(failure), markup=False, highlight=False, soft_wrap=True)
                continue
            records.append(record)
            score = value_of(record, comparison.metric)
            console.print(f"{number}/{len(trainings)} {name}: {comparison.metric} {score:.4f}, {record.seconds:.0f} s")

    all_of(list(comparison.trainings()))
    all_of(comparison.longer_references(records))
    notes = tuple(f"failed: {name}" for name in failures)
    return compare_records(records, comparison.reference, comparison.metric, notes), failures


def main(arguments: Sequence[str]) -> Report:
    """The command ``compare``.

    Args:
        arguments: ``--config FILE`` once or several times, later files over earlier ones; ``--output``, ``--seeds`` and
            ``--arms`` in the place of the file's; everything else is handed on to every ``fit``.

    Returns:
        The report, which is also printed, and written into the output folder.

    Raises:
        SystemExit: With code 1, after the report, if a training failed.
    """
    require_extras()
    given, shared = _parser().parse_known_args(list(arguments))
    settings: dict[str, Any] = {}
    for path in given.config:
        settings = merged(settings, yaml.safe_load(Path(path).read_text()) or {})
    own = settings.pop("compare", None)
    if own is None:
        raise ValueError(
            f"{', '.join(given.config)} has no section `compare`, with the `arms` that are to be compared: see "
            "configs/experiments/finetune.yaml"
        )
    unknown = sorted(set(own) - {f.name for f in fields(Comparison)})
    if unknown:
        raise ValueError(f"`compare` has no setting {', '.join(unknown)}: see configs/experiments/finetune.yaml")
    chosen = {name: getattr(given, name) for name in ("output", "seeds", "only") if getattr(given, name)}
    comparison = Comparison(**{**own, **chosen})
    directory = Path(comparison.output)
    directory.mkdir(parents=True, exist_ok=True)
    base = directory / "common.yaml"
    base.write_text(yaml.safe_dump(settings))

    def train_one(training: Training) -> Record:
        return finished(training, directory, base, shared) or train(training, directory, base, shared)

    if not all(finished(training, directory, base, shared) for training in comparison.trainings()):
        check_arguments(base, shared)
    console = Console()
    try:
        report, failures = run(comparison, train_one, console)
    except KeyboardInterrupt:
        console.print("stopped: the same command goes on where this one was")
        raise SystemExit(130) from None
    from torch.utils.tensorboard import SummaryWriter  # it loads TensorBoard, which `import camaug` does not need

    with SummaryWriter(directory / "report") as writer:
        write_report(report, directory, writer, console)
    console.print(f"report: {directory / 'report.md'}", markup=False, highlight=False, soft_wrap=True)
    if failures:
        raise SystemExit(1)
    return report


def merged(settings: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others laid over them, section by section.

    Example:
        >>> merged({"model": {"name": "a", "lr": 1}}, {"model": {"lr": 2}, "data": {}})
        {'model': {'name': 'a', 'lr': 2}, 'data': {}}
    """
    result = dict(settings)
    for name, value in more.items():
        before = result.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py compare",
        allow_abbrev=False,
        description="Train the arms of a comparison over several seeds, and report what they are worth. Whatever else "
        "is given is handed on to every `fit`: --data.root PATH, --model.name NAME, --trainer.max_epochs N.",
    )
    parser.add_argument(
        "--config", action="append", required=True, help="a file with a section `compare`; more over it"
    )
    parser.add_argument("--output", help="folder of the trainings and of the report")
    parser.add_argument("--seeds", type=_numbers, help="train with these seeds: 0,1,2")
    parser.add_argument("--arms", dest="only", type=_names, help="train these arms alone, and the reference: mix,mixup")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(name) for name in _names(text)]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.strip("[] ").split(",")]
