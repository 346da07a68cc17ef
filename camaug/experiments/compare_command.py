"""The command ``compare``: training runs that differ in one setting, over several seeds, against control arms."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from camaug.experiments.comparison import Comparison
from camaug.experiments.comparison_folder import ComparisonFolder
from camaug.experiments.experiment import require_extras
from camaug.experiments.report import Report
from camaug.experiments.run_comparison import run_comparison
from camaug.experiments.training_run import RunResult, TrainingRun
from camaug.experiments.write_report import write_report
from camaug.utils.atomic_write import write_atomically
from camaug.utils.check_folder import check_folder
from camaug.utils.command_parser import CommandParser
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.read_yaml import read_yaml

__all__ = ["compare_command", "merge_settings", "parse_names", "parse_numbers", "read_settings", "run_in_folder"]

_EXAMPLE = "configs/experiments/finetune.yaml"


def compare_command(arguments: Sequence[str]) -> Report:
    """Run the command ``compare``.

    Args:
        arguments: ``--config FILE`` once or several times, later files over earlier ones; ``--output``, ``--seeds`` and
            ``--arms`` instead of the file's. All other arguments are passed to every ``fit``.

    Returns:
        The report, which is also printed, and written into the output folder.

    Raises:
        SystemExit: With code 1, after the report, if a training run failed.
    """
    require_extras()
    options, fit_arguments = _parser().parse_with_rest(arguments)
    comparison, settings = _read_configs(options)
    return run_in_folder(comparison, settings, fit_arguments, Console())


def run_in_folder(
    comparison: Comparison,
    settings: Mapping[str, Any],
    fit_arguments: Sequence[str],
    console: Console,
    extend: Callable[[Report, Sequence[RunResult]], Report] = lambda report, results: report,
) -> Report:
    """Train the runs of a comparison that its folder does not have yet, and write and print the report.

    Args:
        comparison: The comparison.
        settings: The configuration that all runs share.
        fit_arguments: Further arguments of ``fit``.
        console: The console.
        extend: A function that adds to the report what it makes of the results.

    Raises:
        SystemExit: With code 1, after the report, if a training run failed; with 130 if it was interrupted.
    """
    directory = Path(comparison.output)
    check_folder(directory, "the training runs and the report")
    base = directory / "common.yaml"
    write_atomically(base, yaml.safe_dump(dict(settings)))
    folder = ComparisonFolder(directory, base, fit_arguments)
    if not all(folder.load(run) for run in comparison.runs()):
        folder.check_arguments()

    def load_or_train(run: TrainingRun) -> RunResult:
        return folder.load(run) or folder.train(run)

    try:
        report, failures = run_comparison(comparison, load_or_train, console)
    except KeyboardInterrupt:
        console.print("stopped: the same command resumes")
        raise SystemExit(130) from None
    report = extend(report, [result for run in comparison.runs() if (result := folder.load(run))])
    from torch.utils.tensorboard import SummaryWriter  # loads TensorBoard, which `import camaug` does not need

    with SummaryWriter(directory / "report") as writer:
        write_report(report, directory, writer, console)
    console.print(f"report: {directory / 'report.md'}", markup=False, highlight=False, soft_wrap=True)
    if failures:
        raise SystemExit(1)
    return report


def read_settings(paths: Sequence[str]) -> dict[str, Any]:
    """Return the settings of configuration files, of which later ones override earlier ones."""
    settings: dict[str, Any] = {}
    for path in paths:
        settings = merge_settings(settings, read_yaml(path))
    return settings


def merge_settings(settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the overrides applied, section by section.

    Example:
        >>> merge_settings({"model": {"name": "a", "lr": 1}}, {"model": {"lr": 2}, "data": {}})
        {'model': {'name': 'a', 'lr': 2}, 'data': {}}
    """
    merged = dict(settings)
    for name, value in overrides.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[name] = merge_settings(old, value)
        else:
            merged[name] = value
    return merged


def _read_configs(options: argparse.Namespace) -> tuple[Comparison, dict[str, Any]]:
    """Return the comparison and the settings that its training runs share."""
    settings = read_settings(options.config)
    section = settings.pop("compare", None)
    if section is None:
        raise ValueError(
            f"{', '.join(options.config)} has no section `compare` with the `arms` of a comparison: see {_EXAMPLE}"
        )
    names = [field.name for field in fields(Comparison)]
    unknown = sorted(set(section) - set(names))
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise ValueError(f"`compare` has no setting {unknown[0]!r}, {hint}expected some of {', '.join(names)}")
    overrides = {name: value for name in ("output", "seeds", "only") if (value := getattr(options, name))}
    return Comparison(**{**section, **overrides}), settings


def _parser() -> CommandParser:
    parser = CommandParser(
        "compare",
        "Train the arms of a comparison over several seeds and report the results. All other arguments are passed to "
        "every `fit`: --data.root PATH, --model.name NAME, --trainer.max_epochs N.",
        f"--config {_EXAMPLE} --data.root PATH",
    )
    parser.add_argument(
        "--config", action="append", required=True, help="file with a section `compare`; later files override"
    )
    parser.add_argument("--output", help="folder of the training runs and of the report")
    parser.add_argument("--seeds", type=parse_numbers, help="train with these seeds: 0,1,2")
    parser.add_argument(
        "--arms", dest="only", type=parse_names, help="train only these arms and the reference: snapmix,mixup"
    )
    return parser


def parse_numbers(text: str) -> list[int]:
    """Return the numbers of a list such as ``0,1,2``.

    Raises:
        argparse.ArgumentTypeError: If a part is no whole number.
    """
    try:
        return [int(name) for name in parse_names(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 0,1,2, got {text!r}") from None


def parse_names(text: str) -> list[str]:
    """Return the names of a list such as ``snapmix,mixup``."""
    return [name.strip() for name in text.strip("[] ").split(",")]
