"""Choice and locking of the saliency bank's directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import lightning as L

from camaug.saliency_bank.saliency_bank import SaliencyBank
from camaug.utils.remote_address import is_remote

from .._trainer.directory_lock import DirectoryLock

__all__ = ["open_bank"]


def open_bank(trainer: L.Trainer, given: str | None, resumed: str | None) -> tuple[SaliencyBank, DirectoryLock | None]:
    """Open the bank in the same directory on all processes. Rank zero locks it.

    Args:
        trainer: The trainer.
        given: The user's directory; None for ``bank`` in the trainer's ``log_dir``.
        resumed: The directory of an interrupted run, preferred to ``log_dir`` if it is still there and free.

    Returns:
        The bank and, on rank zero, the lock.

    Raises:
        ValueError: If the directory cannot be used.
    """
    if given is not None:
        choices = [given]
    else:
        own = os.path.join(trainer.log_dir or trainer.default_root_dir, "bank")  # `Path` would spoil an address
        choices = [resumed, own] if resumed and Path(resumed).is_dir() else [own]
    lock, directory, reason = _lock_first(choices) if trainer.is_global_zero else (None, "", "")
    directory, reason = trainer.strategy.broadcast((directory, reason))
    if reason:
        raise ValueError(reason)
    return SaliencyBank(Path(directory)), lock


def _lock_first(choices: Sequence[str]) -> tuple[DirectoryLock | None, str, str]:
    """Return the lock and the path of the first free directory, or the reason why there is none."""
    for choice in choices:
        if is_remote(choice):
            reason = (
                f"the saliency bank is mapped into memory and cannot be at {choice}: give a local folder, bank_dir="
            )
            return None, "", reason
        path = Path(choice).absolute()
        lock = DirectoryLock(path)
        try:
            if lock.take():
                return lock, str(path), ""
        except OSError as error:
            reason = f"the saliency bank cannot be written to {choice} ({error}): give another folder, bank_dir="
            return None, "", reason
    reason = f"the saliency bank in {choices[-1]} is in use by another run: give another folder, bank_dir="
    return None, "", reason
