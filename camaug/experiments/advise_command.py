"""The command ``advise``: is a recipe worth its price on the user's own data?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from camaug.augmentation.recipes import as_recipe
from camaug.experiments.advice import advice
from camaug.experiments.compare_command import merge_settings, parse_names, parse_numbers, read_settings, run_in_folder
from camaug.experiments.comparison import Comparison
from camaug.experiments.experiment import require_extras
from camaug.experiments.report import Report
from camaug.utils.command_parser import CommandParser

__all__ = ["advise_command"]

REFERENCE = "none"
SHORT: Mapping[str, Any] = {"trainer": {"max_epochs": 5, "num_sanity_val_steps": 0}, "cam": {"only_last": True}}


def advise_command(arguments: Sequence[str]) -> Report:
    """Run the command ``advise``.

    Each recipe is trained in short runs beside no augmentation and beside the recipe's control, which does the same
    without the saliency, with several seeds. It is advised only if it is better than both beyond chance.

    Args:
        arguments: ``--recipes``, ``--seeds``, ``--metric``, ``--config`` and ``--output``. All others are passed to
            every ``fit``.

    Returns:
        The report, whose first table is the advice.

    Raises:
        SystemExit: With code 1, after the report, if a training run failed.
    """
    require_extras()
    options, fit_arguments = _parser().parse_with_rest(arguments)
    settings = merge_settings(SHORT, read_settings(options.config))
    settings.pop("compare", None)
    comparison = Comparison(
        arms_of(options.recipes),
        seeds=options.seeds,
        output=options.output,
        reference=REFERENCE,
        metric=options.metric,
        equal_compute=False,
    )

    def with_advice(report: Report, results: Sequence[Any]) -> Report:
        controls = {recipe: control_of(recipe) for recipe in options.recipes}
        table = advice(results, controls, REFERENCE, comparison.metric)
        return replace(report, title="Advice", tables=[table, *report.tables])

    return run_in_folder(comparison, settings, fit_arguments, Console(), with_advice)


def arms_of(recipes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the arms of the comparison: none, each recipe and its control.

    Example:
        >>> list(arms_of(["hide-salient", "snapmix"]))
        ['none', 'hide-salient', 'hide-random', 'snapmix', 'cutmix']
    """
    arms: dict[str, dict[str, Any]] = {REFERENCE: {"augmentation": {"share": 0}}}
    for recipe in recipes:
        arms[recipe] = {"augmentation": {"recipe": recipe}}
        control = control_of(recipe)
        is_cutmix = control == "cutmix"
        cutmix = {"augmentation": {"share": 0}, "model": {"cutmix_alpha": 1.0}}
        arms[control] = cutmix if is_cutmix else {"augmentation": {"recipe": control}}
    return arms


def control_of(recipe: str) -> str:
    """Return the name of a recipe's control.

    Raises:
        ValueError: If the name is unknown, or the recipe is a control itself or has none.
    """
    chosen = as_recipe(recipe)
    control = "cutmix" if chosen.mixes_labels else chosen.control
    if control is None:
        raise ValueError(
            f"the recipe {recipe!r} has no control to compare it with: choose one of 'hide-salient', 'salient-crop', "
            "'snapmix', 'paired', 'keep-salient'"
        )
    return control


def _parser() -> CommandParser:
    parser = CommandParser(
        "advise",
        "Train short runs on your data with and without recipes, and say whether one is worth its price there. All "
        "other arguments are passed to every `fit`: --data.root PATH, --model.name NAME, --trainer.max_epochs N (5 by "
        "default).",
        "--data ImageFolderDataModule --data.root PATH",
    )
    parser.add_argument("--recipes", type=parse_names, default=["hide-salient"], help="hide-salient,snapmix")
    parser.add_argument("--seeds", type=parse_numbers, default=[0, 1, 2], help="at least two: 0,1,2 by default")
    parser.add_argument("--metric", default="val/accuracy", help="a logged metric, in [0, 1]; higher is better")
    parser.add_argument("--config", action="append", default=[], help="files for `fit`; later files override")
    parser.add_argument("--output", default=str(Path("runs") / "advise"), help="folder of the runs and of the report")
    return parser
