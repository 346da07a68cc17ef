"""Table of all commands, and the help that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from camaug._cli.explain_command import explain_command
from camaug._cli.tensorboard_command import tensorboard_command
from camaug.experiments.advise_command import advise_command
from camaug.experiments.compare_command import compare_command
from camaug.experiments.report import Report
from camaug.film.film_command import film_command
from camaug.tensorboard.report import main as report
from camaug.utils.program_name import program_name

__all__ = ["COMMANDS", "Command", "help_text"]


class Command(NamedTuple):
    """A command of the program.

    Attributes:
        summary: One line for the help.
        example: Arguments of an example.
        run: The function that is called with the arguments; None for a subcommand of Lightning's command line.
    """

    summary: str
    example: str
    run: Callable[[Sequence[str]], Report | Path | str] | None = None


COMMANDS = {
    "fit": Command(
        "train a classifier, with heatmaps of every snapshot in TensorBoard",
        "--data ImageFolderDataModule --data.root PATH",
    ),
    "validate": Command(
        "measure a checkpoint on the validation images",
        "--data ImageFolderDataModule --data.root PATH --ckpt_path FILE",
    ),
    "test": Command(
        "measure a checkpoint on the test images",
        "--data ImageFolderDataModule --data.root PATH --ckpt_path FILE",
    ),
    "explain": Command(
        "explain photos: what does the model see, and which class does it predict?",
        "cat.jpg --checkpoint runs/camaug/version_0",
        explain_command,
    ),
    "predict": Command(
        "explain many photos by a configuration, resumable, on several devices",
        "--data PhotoFolder --data.root PHOTOS --model.pretrained true",
    ),
    "experiment": Command(
        "run an experiment of the paper: measure what a model's explanations are worth",
        "--config configs/experiments/insertion_deletion.yaml --data.root PHOTOS",
    ),
    "price": Command(
        "measure what augmentation costs with your model, images and machine; saves nothing",
        "--data ImageFolderDataModule --data.root PATH",
    ),
    "compare": Command(
        "train the arms of a comparison over several seeds, and report the results",
        "--config configs/experiments/finetune.yaml --data.root PATH",
        compare_command,
    ),
    "advise": Command(
        "find out by short runs whether a recipe is worth its price on your data",
        "--data ImageFolderDataModule --data.root PATH",
        advise_command,
    ),
    "tensorboard": Command(
        "open TensorBoard with the camaug tab on a run",
        "runs/camaug/version_0",
        tensorboard_command,
    ),
    "report": Command(
        "write everything that the camaug tab shows of a run to one HTML file",
        "runs/camaug/version_0",
        report,
    ),
    "film": Command(
        "write an animation of what the model attended to over a run, for a slide or a paper",
        "runs/camaug/version_0",
        film_command,
    ),
}


def help_text() -> str:
    """Return the help of the program: every command with a line, and an example."""
    program = program_name()
    commands = "\n".join(f"  {name:<12}{command.summary}" for name, command in COMMANDS.items())
    return (
        f"usage: {program} COMMAND [ARGUMENTS]\n\n"
        "Train image classifiers, see what they attend to, and train them by it.\n\n"
        f"commands:\n{commands}\n\n"
        "options:\n"
        f"  --help      show this text, or the arguments of a command: {program} fit --help\n"
        "  --version   show the version\n"
        "  --traceback show the traceback of an error; for every command\n\n"
        f"example:\n  {program} fit {COMMANDS['fit'].example}\n"
    )
