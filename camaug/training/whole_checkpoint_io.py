"""Checkpoints that appear whole or not at all, on any disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from camaug.utils.atomic_write import opened_atomically

__all__ = ["WholeCheckpointIO"]


class WholeCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint files, written beside their place and then renamed.

    Lightning writes a file into the system's temporary folder and moves it. If that is another disk, the move is a
    copy: a full disk or a killed process leaves a part of the new file, and the older one is gone. URLs are written as
    Lightning does.

    Example:
        >>> import os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> WholeCheckpointIO().save_checkpoint({"epoch": 3}, f"{folder}/last.ckpt")
        >>> WholeCheckpointIO().load_checkpoint(f"{folder}/last.ckpt"), os.listdir(folder)
        ({'epoch': 3}, ['last.ckpt'])
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            OSError: If the file cannot be written. An older file stays, and no part of the new one.
            TypeError: If storage options are given, which no local file has.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened_atomically(target) as file:
            torch.save(checkpoint, file)
