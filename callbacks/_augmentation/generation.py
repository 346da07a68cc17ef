"""The generation of the saliency bank in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.saliency_bank import SaliencyBank

__all__ = ["Generation"]


@dataclass(frozen=True)
class Generation:
    """The generation whose maps are in use.

    Attributes:
        number: Its number in the bank.
        epoch: The epoch that it was made for.
        record: What it was made from.
    """

    number: int
    epoch: int
    record: BankRecord

    def state(self, directory: Path) -> dict[str, Any]:
        """Return what a checkpoint stores to find the generation again.

        Args:
            directory: The bank's directory.
        """
        return {
            "model": self.record.model,
            "settings": self.record.fingerprint,
            "epoch": self.epoch,
            "directory": str(directory),
        }

    @staticmethod
    def find(bank: SaliencyBank, state: Mapping[str, Any], settings: str) -> int | None:
        """Return the number of a checkpoint's generation in the bank, or None if it cannot be used.

        A generation in another bank is copied.

        Args:
            bank: The bank of this training run.
            state: The result of :meth:`state`, from the checkpoint.
            settings: Fingerprint of the current settings, which must be the checkpoint's.
        """
        if settings != state["settings"]:
            return None
        number = bank.find(state["model"], settings)
        other = SaliencyBank(Path(state["directory"]))
        if number is not None or other.directory == bank.directory:
            return number
        other_number = other.find(state["model"], settings)
        return None if other_number is None else bank.copy_from(other, other_number)
