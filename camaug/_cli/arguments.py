"""Arguments of each subcommand."""

from __future__ import annotations

from lightning.pytorch.cli import LightningArgumentParser

from camaug.callbacks import CamLogger, CamWriter, GroupCamAugmentation, RunCheckpoint
from camaug.explainers import Explainer

__all__ = ["add_arguments"]

NO_LOGS = {"trainer.logger": False, "trainer.enable_checkpointing": False}


def add_arguments(parser: LightningArgumentParser, subcommand: str) -> None:
    """Add the sections of a subcommand to its parser, beside ``model``, ``data`` and ``trainer``."""
    if subcommand == "predict":
        _add_explaining(parser)
    elif subcommand == "experiment":
        parser.set_defaults(NO_LOGS)
    else:
        _add_training(parser)


def _add_training(parser: LightningArgumentParser) -> None:
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


def _add_explaining(parser: LightningArgumentParser) -> None:
    parser.add_lightning_class_args(CamWriter, "writer")
    parser.add_argument("--explainer", type=str | Explainer, default="verified-cam", help="The method, see writer.")
    parser.add_argument("--output", type=str, default="explained", help="The folder that the results are written to.")
    parser.link_arguments("explainer", "writer.explainer")
    parser.link_arguments("output", "writer.directory")
    parser.set_defaults(NO_LOGS)
