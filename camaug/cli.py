"""The command line: ``fit``, ``validate``, ``test``, ``predict``, ``experiment`` and ``price``, by LightningCLI."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_warn
from rich.console import Console

import camaug.datamodules  # noqa: F401 - lets a config name the classes without their module
from camaug.callbacks import CamLogger, CamWriter, GroupCamAugmentation
from camaug.classifier import ImageClassifier
from camaug.experiments import Report
from camaug.experiments.comparison import main as compare
from camaug.explainers import Explainer
from camaug.tensorboard.report import main as report
from camaug.trainer import CamaugTrainer

__all__ = ["CamaugCLI", "main"]

EXPERIMENTS = "Do one of the paper's experiments: what are this model's explanations worth?"
COMPARES = "And `compare --config FILE`: train the arms of a comparison over several seeds (compare --help)."
REPORTS = "And `report RUN`: one HTML file of all heatmaps of a run (report --help)."
PRICES = "Say what augmentation would cost here: your model, your images, this machine; nothing is saved."
EXPLAINS = "Explain photos: for each an overlay, the raw map and a record of what was computed."


class CamaugCLI(LightningCLI):
    """Trains an :class:`~camaug.classifier.ImageClassifier` on any data module that knows its ``num_classes``.

    Beside ``model``, ``data`` and ``trainer`` a configuration has the sections ``cam``, ``augmentation`` and
    ``checkpoint``: the arguments of :class:`~camaug.callbacks.CamLogger`,
    :class:`~camaug.callbacks.GroupCamAugmentation` and Lightning's ``ModelCheckpoint``, which are always there.

    ``predict`` has none of these but ``explainer``, ``output`` and ``writer``: the arguments of
    :class:`~camaug.callbacks.CamWriter`, which explains every photo. ``experiment`` has none either, but
    ``experiment``, ``output`` and ``images``: see
    :meth:`~camaug.trainer.CamaugTrainer.experiment`. ``price`` has those of ``fit``, and ``seconds``: see
    :meth:`~camaug.trainer.CamaugTrainer.price`.
    """

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, ``experiment`` and ``price``."""
        both = {"model", "datamodule"}
        return {**LightningCLI.subcommands(), "experiment": both, "price": both}

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
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
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
        """Nothing is left behind where the trainer logs: results stand in folders of their own."""
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
    """
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
        args=None if args is None else list(args),
    )


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
        console.print(f"{name:<18} {value}", soft_wrap=True, highlight=False, markup=False)


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
