"""Messages of Lightning and the Hugging Face Hub that are of no use to this program's users, and are left out."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.utilities import rank_zero_info

from camaug._cli.data_line import data_line

__all__ = ["ParameterCount", "quieten_lightning"]

USELESS = ("💡 Tip:", "TPU available: False", "Loading `train_dataloader` to estimate")


class ParameterCount(ModelSummary):
    """One line in place of Lightning's table of the model, whose FLOPs are zero without an example input."""

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        *_: Any,
        **__: Any,
    ) -> None:
        """Print the number of parameters, and of those that are trained if some are frozen."""
        trained = "" if trainable_parameters == total_parameters else f", {trainable_parameters:,} of them trained"
        rank_zero_info(f"model: {total_parameters:,} parameters{trained}")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the classes and the numbers of images."""
        line = data_line(trainer)
        if line is not None:
            rank_zero_info(line)


def quieten_lightning() -> None:
    """Filter out Lightning's advertisements, its warnings about its own use of PyTorch, and repeated retries."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_useful)
    logging.getLogger("huggingface_hub.utils._http").addFilter(_FirstFailure())
    # Lightning 2.6 reads torch's pytree by an older name; nothing that a user could do about it.
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    # A run of validate, of test, or from another run's checkpoint has a folder of its own.
    warnings.filterwarnings("ignore", message="The dirpath has changed")


class _FirstFailure(logging.Filter):
    """Filter that lets the first failed request to the Hugging Face Hub pass, but none of its many repetitions."""

    has_failed = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if the record is no failed request or the first one."""
        message = record.getMessage()
        if not message.startswith("Retrying in") and "thrown while requesting" not in message:
            return True
        is_first, self.has_failed = not self.has_failed, True
        return is_first


def _is_useful(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(USELESS)
