"""The command line: ``fit``, ``validate``, ``test``, ``predict``, ``experiment`` and ``price``, by LightningCLI."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import lightning as L
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from rich.console import Console

import camaug.datamodules  # noqa: F401 - lets a config name the classes without their module
from camaug.callbacks import CamLogger, CamWriter, GroupCamAugmentation, RandomStateCheckpoint, RunCheckpoint
from camaug.experiments import Report
from camaug.experiments.comparison import main as compare
from camaug.explainers import Explainer
from camaug.tensorboard.report import main as report
from camaug.training.checkpoints import last_checkpoint, read_checkpoint, run_to_continue
from camaug.training.image_classifier import ImageClassifier
from camaug.training.process_group import own_process_group
from camaug.training.trainer import CamaugTrainer
from camaug.utils.printable import printable, printable_lines

__all__ = ["CamaugCLI", "command", "main"]

EXPERIMENTS = "Do one of the paper's experiments: what are this model's explanations worth?"
COMPARES = "And `compare --config FILE`: train the arms of a comparison over several seeds (compare --help)."
REPORTS = "And `report RUN`: one HTML file of all heatmaps of a run (report --help)."
PRICES = "Say what augmentation would cost here: your model, your images, this machine; nothing is saved."
EXPLAINS = "Explain photos: for each an overlay, the raw map and a record of what was computed."
TRACEBACK = "CAMAUG_TRACEBACK"
CHOSEN_BY_LIGHTNING = ("best", "last", "hpc", "registry")


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

    ``fit`` with a run's ``checkpoints/last.ckpt`` as ``--ckpt_path`` goes on in that run's own folder, where
    TensorBoard shows one run without a gap or an epoch twice; ``--ckpt_path last`` finds the newest. Any other
    checkpoint begins a run of its own. Checkpoints are loaded weights-only, wherever they come from.
    """

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, ``experiment`` and ``price``."""
        both = {"model", "datamodule"}
        # Whether a checkpoint may run code is not a question that an argument decides.
        own = {name: skipped | {"weights_only"} for name, skipped in LightningCLI.subcommands().items()}
        return {**own, "experiment": both, "price": both}

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Let ``--ckpt_path last`` be that of the newest run, and refuse a checkpoint that is not there."""
        super().parse_arguments(parser, args)
        config = self.config.get(self.config.get("subcommand") or "", {})
        path = config.get("ckpt_path")
        if path == "last" and self.config["subcommand"] == "fit" and not config["checkpoint"]["dirpath"]:
            found = (last_checkpoint(_runs(settings)) for settings in _tensorboard_loggers(config))
            config["ckpt_path"] = str(next((each for each in found if each is not None), path))
        elif path and path not in CHOSEN_BY_LIGHTNING and "://" not in str(path) and not Path(path).exists():
            raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")

    def _parse_ckpt_path(self) -> None:
        """Lightning's, which reads the model's settings from the checkpoint: if it can be read."""
        path = self.config.get(self.config.get("subcommand") or "", {}).get("ckpt_path")
        if path and Path(path).is_file():
            self._checkpoint = read_checkpoint(Path(path))
        super()._parse_ckpt_path()

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        own = {"weights_only": True} if subcommand in LightningCLI.subcommands() else {}
        return {**super()._prepare_subcommand_kwargs(subcommand), **own}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the sections, say where runs go, and let the data say how many classes there are."""
        if parser.description == EXPLAINS:
            _add_explaining(parser)
            return
        if parser.description == EXPERIMENTS:
            parser.set_defaults({"trainer.logger": False, "trainer.enable_checkpointing": False})
            return
        parser.add_lightning_class_args(CamLogger, "cam")
        parser.add_lightning_class_args(GroupCamAugmentation, "augmentation")
        parser.add_lightning_class_args(RunCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.monitor": "val/accuracy",
                "checkpoint.mode": "max",
                "checkpoint.filename": "best",
                "checkpoint.save_last": True,
                "checkpoint.save_on_exception": True,
                "trainer.logger": {
                    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
                    "init_args": {"save_dir": "runs", "name": "camaug", "default_hp_metric": False},
                },
            }
        )
        parser.link_arguments("data.num_classes", "model.num_classes", apply_on="instantiate")

    def before_instantiate_classes(self) -> None:
        """Settle where runs and results stand: a resumed run in its own folder, results in folders of their own."""
        if self.subcommand == "fit":
            self._continue_run()
        if self.subcommand in ("predict", "experiment", "price"):
            self.save_config_callback = None
        if self.subcommand in ("predict", "experiment"):
            # The checkpoint's training callbacks have nothing to do here.
            warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks used to create")
            config = self.config[self.subcommand]
            if not (config["model"]["pretrained"] or config["model"]["checkpoint"] or config["ckpt_path"]):
                rank_zero_warn(
                    "the model that explains your photos has random weights: give it --model.pretrained true, "
                    "--model.checkpoint FILE or --ckpt_path CHECKPOINT"
                )

    def _continue_run(self) -> None:
        """Let a run that is resumed from its last checkpoint go on in its own folder."""
        config = self.config["fit"]
        path = Path(config["ckpt_path"] or "")
        for settings in _tensorboard_loggers(config):
            run = run_to_continue(path, _runs(settings)) if path.is_file() else None
            if run is None or str(settings["init_args"]["version"] or run) != run:
                continue
            step = int(self._checkpoint["global_step"])
            settings["init_args"]["version"] = run
            # What was logged after the checkpoint is about to be logged again: TensorBoard lets go of the first.
            settings["dict_kwargs"] = {**settings.get("dict_kwargs", {}), "purge_step": step}
            self.save_config_kwargs["overwrite"] = True
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
            rank_zero_info(f"the run in {_runs(settings) / run} goes on after its step {step}")

    def after_predict(self) -> None:
        """Say where the explanations are."""
        if self.trainer.is_global_zero:
            writers = [callback for callback in self.trainer.callbacks if isinstance(callback, CamWriter)]  # type: ignore[attr-defined]
            for writer in writers:
                _print_facts(_explained(writer))
            if any(writer.failed and not writer.written and not writer.skipped for writer in writers):
                raise SystemExit(1)  # a script that called this should know that there is nothing

    def after_experiment(self) -> None:
        """Leave the configuration beside the report, and say where it is."""
        config = self.config["experiment"]
        directory = Path(config["output"]).expanduser()
        self._parser("experiment").save(config, directory / "config.yaml", skip_none=False, overwrite=True)
        _print_facts({"report": str(directory / "report.md"), "look at it": tensorboard_command(directory)})

    def after_fit(self) -> None:
        """Say what came out and where it can be looked at."""
        directory = self.trainer.log_dir  # a collective: every process has to ask
        if self.trainer.is_global_zero and not getattr(self.trainer, "fast_dev_run", False):
            _print_summary(self.trainer, directory)


def main(args: Sequence[str] | None = None) -> CamaugCLI | Report | Path:
    """Run the command line.

    Args:
        args: The arguments, ``sys.argv[1:]`` by default.

    Returns:
        The CLI, with its trainer, model and data module; of ``compare`` its report, of ``report`` the file.

    Raises:
        SystemExit: Without ``args``, where this package refuses something: with what and why on the last line, and with
            the traceback where the environment has ``CAMAUG_TRACEBACK``. Given ``args``, the error itself is raised.
    """
    try:
        with own_process_group():
            return _run(args)
    except SIGTERMException:
        sys.exit(128 + signal.SIGTERM)  # what follows should know that it was not done
    except (ValueError, TypeError, OSError, ImportError) as error:
        refusal = _refusal(error)
        if args is not None or TRACEBACK in os.environ or refusal is None:
            raise
        said = printable_lines(str(refusal))
        sys.exit(f"error: {said}\n({TRACEBACK}=1 in the environment shows where it comes from)")


def command() -> None:
    """The installed command ``camaug``: what a program returns would be its exit status."""
    main()


def _run(args: Sequence[str] | None) -> CamaugCLI | Report | Path:
    given = sys.argv[1:] if args is None else list(args)
    if given[:1] == ["compare"]:
        return compare(given[1:])
    if given[:1] == ["report"]:
        return report(given[1:])
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # so that a class of the user's own is found, whichever door was taken
    # Lightning 2.6 reads torch's pytree by an older name; nothing that a user could do about it.
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    return CamaugCLI(
        ImageClassifier,
        L.LightningDataModule,
        trainer_class=CamaugTrainer,
        subclass_mode_data=True,
        parser_kwargs={
            "epilog": f"{COMPARES} {REPORTS}",
            "predict": {"description": EXPLAINS},
            "experiment": {"description": EXPERIMENTS},
            "price": {"description": PRICES},
        },
        seed_everything_default=0,
        trainer_defaults={"callbacks": [RandomStateCheckpoint()]},
        args=None if args is None else list(args),
    )


def _refusal(error: BaseException | None) -> BaseException | None:
    """The error, or what caused it, that says to the person at the terminal what is wrong; None where none does.

    It was raised by a line of this package on purpose, or is the operating system's about a file.
    """
    while error is not None:
        if _is_ours(error.__traceback__) or (isinstance(error, OSError) and error.filename is not None):
            return error
        error = error.__cause__
    return None


def _is_ours(trace: TracebackType | None) -> bool:
    """Whether an error was raised by a line of this package."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).split(".")[0] == __package__


def _tensorboard_loggers(config: Any) -> Iterator[Any]:
    """The settings of the trainer's TensorBoard loggers."""
    loggers = config["trainer"]["logger"]
    for settings in loggers if isinstance(loggers, list) else [loggers]:
        if str(getattr(settings, "class_path", "")).endswith("TensorBoardLogger"):
            yield settings


def _runs(settings: Any) -> Path:
    """The folder of a TensorBoard logger's runs."""
    return Path(os.path.expanduser(settings["init_args"]["save_dir"]), settings["init_args"]["name"] or "")


def _print_summary(trainer: L.Trainer, directory: str | None) -> None:
    facts = {name: f"{float(value):.1%}" for name, value in trainer.callback_metrics.items() if "accuracy" in name}
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if best:
        facts["best checkpoint"] = best
    if directory is not None:
        facts["run"] = directory
        facts["look at it"] = tensorboard_command(Path(directory))
    _print_facts(facts)


def _print_facts(facts: Mapping[str, str]) -> None:
    console = Console()
    console.rule("camaug", align="left")
    for name, value in facts.items():
        # Soft wrapping leaves the lines whole, so that paths and commands can be copied.
        console.print(f"{name:<18} {printable(value)}", soft_wrap=True, highlight=False, markup=False)


def _add_explaining(parser: LightningArgumentParser) -> None:
    """The arguments of ``predict``: the method and the folder at the top, the writer's others in their section."""
    parser.add_lightning_class_args(CamWriter, "writer")
    parser.add_argument("--explainer", type=str | Explainer, default="group-cam", help="The method, see writer.")
    parser.add_argument("--output", type=str, default="explained", help="The folder that the results go to.")
    parser.link_arguments("explainer", "writer.explainer")
    parser.link_arguments("output", "writer.directory")
    parser.set_defaults({"trainer.logger": False, "trainer.enable_checkpointing": False})


def _explained(writer: CamWriter) -> dict[str, str]:
    failed = {"failed": ", ".join(writer.failed)} if writer.failed else {}
    count = f"{writer.written} explained, {writer.skipped} done before, {len(writer.failed)} failed"
    return {"photos": count, **failed, "results": str(writer.directory)}


def tensorboard_command(directory: Path) -> str:
    """The command that opens TensorBoard on a run with every epoch on the slider: by default it keeps ten.

    Where no ``tensorboard`` is on the path, as in a virtual environment that is not activated, the one beside Python.
    """
    program = "tensorboard"
    if shutil.which(program) is None:
        program = os.path.relpath(Path(sys.executable).with_name(program))
    return f"{program} --samples_per_plugin images=1000 --logdir {directory}"
