"""Arguments of each subcommand."""

from __future__ import annotations

from lightning.pytorch.cli import LightningArgumentParser

from camaug.callbacks import CamLogger, CamWriter, GroupCamAugmentation, RunCheckpoint
from camaug.explainers import Explainer

__all__ = ["DESCRIPTIONS", "EPILOG", "add_arguments"]

DESCRIPTIONS = {
    "predict": "Explain photos: for each an overlay, the raw map and a record of what was computed.",
    "experiment": "Run one of the paper's experiments: what are this model's explanations worth?",
    "price": "Measure what augmentation would cost with your model, your images and this machine. Nothing is saved.",
}
EPILOG = (
    "And `compare --config FILE`: train the arms of a comparison over several seeds (compare --help). "
    "And `advise --data.root PATH`: is a recipe worth its price on your data? Short runs say so (advise --help). "
    "And `report RUN`: one HTML file of all heatmaps of a run (report --help)."
)
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
