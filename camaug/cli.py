"""The command line: ``fit``, ``validate``, ``test``, ``predict``, ``experiment`` and ``price``, by LightningCLI."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException

import camaug.datamodules  # noqa: F401 - lets a config name the classes without their module
from camaug._cli.arguments import add_arguments
from camaug._cli.check_checkpoint import check_checkpoint, check_epochs
from camaug._cli.commands import COMMANDS, help_text
from camaug._cli.escaped_output import escape_missing_characters
from camaug._cli.failure_text import TRACEBACK_OPTION, failure_text
from camaug._cli.find_checkpoint import find_checkpoint
from camaug._cli.lightning_messages import ParameterCount, quieten_lightning
from camaug._cli.parser import SentenceParser
from camaug._cli.resume import (
    check_checkpoint_exists,
    continue_run,
    evaluated_checkpoint,
    is_run_folder,
    newest_checkpoint,
)
from camaug._cli.summary import photo_summary, print_summary, training_summary
from camaug._cli.tensorboard_command import tensorboard_line
from camaug._cli.traceback_log import log_traceback, run_folders
from camaug.callbacks import CamWriter, RandomStateCheckpoint
from camaug.experiments import Report
from camaug.training.checkpoints import read_checkpoint
from camaug.training.image_classifier import ImageClassifier
from camaug.training.process_group import own_process_group
from camaug.training.trainer import CamaugTrainer
from camaug.utils.atomic_write import write_atomically
from camaug.utils.program_name import program_name
from camaug.version import __version__

__all__ = ["CamaugCLI", "command", "main"]

TRACEBACK = "CAMAUG_TRACEBACK"
_OF_RUN = ("epoch", "global_step", "hyper_parameters")  # of a checkpoint


class CamaugCLI(LightningCLI):
    """Command line that trains an :class:`~camaug.training.image_classifier.ImageClassifier`.

    It takes any data module that knows its ``num_classes``.

    Beside ``model``, ``data`` and ``trainer`` a configuration has the sections ``cam``, ``augmentation`` and
    ``checkpoint``: the arguments of :class:`~camaug.callbacks.CamLogger`,
    :class:`~camaug.callbacks.GroupCamAugmentation` and :class:`~camaug.callbacks.RunCheckpoint`, which are always
    there.

    ``predict`` has none of these but ``explainer``, ``output`` and ``writer``: the arguments of
    :class:`~camaug.callbacks.CamWriter`, which explains every photo. ``experiment`` has none either, but
    ``experiment``, ``output`` and ``images``: see
    :meth:`~camaug.training.trainer.CamaugTrainer.experiment`. ``price`` has those of ``fit``, and ``seconds``: see
    :meth:`~camaug.training.trainer.CamaugTrainer.price`.

    ``fit`` with a run's ``checkpoints/last.ckpt`` as ``--ckpt_path`` continues in that run's own folder, where
    TensorBoard shows one run without a gap or an epoch twice; ``--ckpt_path last`` finds the newest. Any other
    checkpoint begins a new run. Checkpoints are loaded weights-only, wherever they come from.
    """

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return Lightning's subcommands, ``experiment`` and ``price``, with the arguments that each leaves out."""
        both = {"model", "datamodule"}
        # No argument may decide that a checkpoint can run code.
        own = {name: skipped | {"weights_only"} for name, skipped in LightningCLI.subcommands().items()}
        return {**own, "experiment": both, "price": both}

    def _add_subcommands(self, parser: LightningArgumentParser, **kwargs: Any) -> None:
        super()._add_subcommands(parser, **kwargs)
        for name, each in self._subcommand_parsers.items():
            each.prog = f"{program_name()} {name}"  # without jsonargparse's "[options]"

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        add_arguments(parser, subcommand)
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the arguments, find the newest run for ``--ckpt_path last``, and check that a checkpoint exists.

        Raises:
            FileNotFoundError: If there is no such checkpoint.
        """
        if isinstance(parser, SentenceParser) and isinstance(args, list):
            self.config = parser.parse_command_line(args)
        else:
            super().parse_arguments(parser, args)
        config = self.config.get(self.config.get("subcommand") or "", {})
        path = config.get("ckpt_path")
        if is_run_folder(path):
            keywords = ("last",) if self.config["subcommand"] == "fit" else ("best", "last")
            path = config["ckpt_path"] = str(find_checkpoint(path, keywords))
        if path == "last" and self.config["subcommand"] == "fit" and not config["checkpoint"]["dirpath"]:
            config["ckpt_path"] = newest_checkpoint(config) or path
        elif path in ("last", "best") and self.config["subcommand"] != "fit":  # Lightning would use the new model
            config["ckpt_path"] = evaluated_checkpoint(config, path)
        else:
            check_checkpoint_exists(path)

    def _parse_ckpt_path(self) -> None:
        """Read the model's settings from the checkpoint, as Lightning does, once it is known to be readable."""
        path = self.config.get(self.config.get("subcommand") or "", {}).get("ckpt_path")
        if path and Path(path).is_file():
            checkpoint = read_checkpoint(Path(path))
            check_checkpoint(checkpoint, path)
            # Without the tensors: a file that is mapped into memory cannot be replaced on Windows, and `fit` will.
            self._checkpoint = {name: checkpoint[name] for name in _OF_RUN if name in checkpoint}
            del checkpoint
            self._check_model_name(path)
        super()._parse_ckpt_path()

    def _check_model_name(self, path: str) -> None:
        """Raise a ValueError if the arguments name another model than the checkpoint's, which would replace it."""
        saved = self._checkpoint.get("hyper_parameters", {}).get("name")
        name = self.config[self.config["subcommand"]]["model"]["name"]
        if saved is not None and name not in (saved, self._parser(self.config["subcommand"]).get_default("model.name")):
            raise ValueError(
                f"the checkpoint {path!r} is of the model {saved!r}, and model.name is {name!r}: leave model.name out, "
                "or give a checkpoint of that model"
            )

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        own = {"weights_only": True} if subcommand in LightningCLI.subcommands() else {}
        return {**super()._prepare_subcommand_kwargs(subcommand), **own}

    def before_instantiate_classes(self) -> None:
        """Choose the folders of a resumed run and of results, and warn of random weights."""
        config = self.config[self.subcommand]
        if self.subcommand == "fit" and Path(config["ckpt_path"] or "").is_file():
            check_epochs(self._checkpoint, config["trainer"]["max_epochs"])
            self.save_config_kwargs["overwrite"] = continue_run(config, int(self._checkpoint["global_step"]))
        if self.subcommand in ("predict", "experiment", "price"):
            self.save_config_callback = None
        has_weights = any((config["model"]["pretrained"], config["model"]["checkpoint"], config.get("ckpt_path")))
        if self.subcommand in ("validate", "test") and not has_weights:
            rank_zero_warn(
                "the model that is measured has random weights: give it --ckpt_path CHECKPOINT (last for the "
                "newest run) or --model.checkpoint FILE"
            )
        if self.subcommand in ("predict", "experiment"):
            # The checkpoint's training callbacks have nothing to do here.
            warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks used to create")
            if not has_weights:
                rank_zero_warn(
                    "the model that explains your photos has random weights: give it --model.pretrained true, "
                    "--model.checkpoint FILE or --ckpt_path CHECKPOINT"
                )

    def _run_subcommand(self, subcommand: str) -> None:
        try:
            super()._run_subcommand(subcommand)
        except Exception as error:
            log_traceback(error, run_folders(self.trainer, self.config[subcommand]), self.trainer.global_rank)
            raise

    def after_predict(self) -> None:
        """Print where the explanations are."""
        if self.trainer.is_global_zero:
            writers = [callback for callback in self.trainer.callbacks if isinstance(callback, CamWriter)]  # type: ignore[attr-defined]
            for writer in writers:
                print_summary(photo_summary(writer))
            if any(writer.failed and not writer.written and not writer.skipped for writer in writers):
                raise SystemExit(1)  # a script that called this should know that there is nothing

    def after_experiment(self) -> None:
        """Save the configuration beside the report, and print where it is."""
        config = self.config["experiment"]
        directory = Path(config["output"]).expanduser()
        write_atomically(directory / "config.yaml", self._parser("experiment").dump(config, skip_none=False))
        print_summary({"report": str(directory / "report.md"), "view with": tensorboard_line(directory)})

    def after_fit(self) -> None:
        """Print the results and how to view the run."""
        directory = self.trainer.log_dir  # a collective, which every process must reach
        if self.trainer.is_global_zero and not getattr(self.trainer, "fast_dev_run", False):
            print_summary(training_summary(self.trainer, directory))


def main(args: Sequence[str] | None = None) -> CamaugCLI | Report | Path | str:
    """Run the command line.

    Args:
        args: The arguments, ``sys.argv[1:]`` by default.

    Returns:
        The CLI, with its trainer, model and data module; for ``compare`` and ``advise`` the report, for ``report`` the
        file's path, and for ``tensorboard`` the folder's path or address.

    Raises:
        SystemExit: Without ``args``, where this package refuses its input: the message is the last line, and with
            ``--traceback``, or ``CAMAUG_TRACEBACK`` in the environment, the traceback is printed. With ``args`` the
            error itself is raised.
    """
    if args is None:
        escape_missing_characters()
    given = sys.argv[1:] if args is None else args
    arguments = [each for each in given if each != TRACEBACK_OPTION]
    if len(arguments) < len(given):
        os.environ[TRACEBACK] = "1"  # which the processes that this one starts inherit
    try:
        with own_process_group():
            return _run(arguments)
    except SIGTERMException:
        sys.exit(128 + signal.SIGTERM)  # whoever called this should know that it did not finish
    except (KeyboardInterrupt, SystemExit) as ended:
        if args is not None or not _is_interrupt(ended):
            raise
        resume = ": the same command with --ckpt_path last resumes the run" if arguments[:1] == ["fit"] else ""
        sys.stderr.write(f"interrupted{resume}\n")
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if args is not None:
            raise
        sys.exit(failure_text(error, shows_traceback=TRACEBACK in os.environ))


def command() -> None:
    """Run the installed command ``camaug``, whose exit status would be the value that ``main`` returns."""
    main()


def _is_interrupt(ended: BaseException) -> bool:
    """Return True for Ctrl-C, after which Lightning exits with status 1."""
    return isinstance(ended, KeyboardInterrupt) or isinstance(ended.__context__, KeyboardInterrupt)


def _run(arguments: list[str]) -> CamaugCLI | Report | Path | str:
    first = arguments[0] if arguments else ""
    if not arguments:
        sys.stderr.write(f"{help_text()}\nerror: give a command, such as the one of the example\n")
        sys.exit(2)
    if first in ("-h", "--help"):
        sys.exit(_print(help_text()))
    if first == "--version":
        sys.exit(_print(f"camaug {__version__}\n"))
    quieten_lightning()
    run = COMMANDS[first].run if first in COMMANDS else None
    if run is not None:
        return run(arguments[1:])
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # so that the user's own classes are found, however the program was started
    return CamaugCLI(
        ImageClassifier,
        L.LightningDataModule,
        trainer_class=CamaugTrainer,
        parser_class=SentenceParser,
        subclass_mode_data=True,
        parser_kwargs={
            "prog": program_name(),
            **{name: _parser_texts(name) for name, command in COMMANDS.items() if command.run is None},
        },
        seed_everything_default=0,
        trainer_defaults={
            "callbacks": [RandomStateCheckpoint(), ParameterCount()],
            "enable_model_summary": False,
        },
        args=arguments,
    )


def _parser_texts(name: str) -> dict[str, str]:
    command = COMMANDS[name]
    return {
        "usage": "%(prog)s [--config FILE] [--NAME VALUE ...]",
        "description": f"{command.summary[0].upper()}{command.summary[1:]}.",
        "epilog": f"example: {program_name()} {name} {command.example}",
    }


def _print(text: str) -> int:
    sys.stdout.write(text)
    return 0
