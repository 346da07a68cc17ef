"""Finding the image files that cannot be read before training stumbles over them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lightning.pytorch.utilities import rank_zero_only
from rich.progress import track

from camaug.image_loading import decode

__all__ = ["describe_bad_images", "find_bad_images"]

_WITHOUT_PROGRESS_BAR = 2_000
_NAMED = 10


def find_bad_images(paths: Sequence[str]) -> dict[str, str]:
    """Decode every file, in threads, and say which failed and why.

    `PIL.Image.verify` would be quicker and useless: it does not notice a JPEG that is cut off.

    Args:
        paths: image files; a progress bar is shown for more than 2,000 of them.

    Returns:
        The reason for each file that cannot be read, in the order of `paths`.
    """
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as threads:
        reasons = track(
            threads.map(_reason, paths),
            total=len(paths),
            description="Checking images",
            disable=len(paths) <= _WITHOUT_PROGRESS_BAR or rank_zero_only.rank != 0,
        )
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}


def describe_bad_images(bad: Mapping[str, str], total: int) -> str:
    """One message about files that cannot be read: how many, and the first ten with their reasons."""
    named = [f"  {path}: {reason}" for path, reason in list(bad.items())[:_NAMED]]
    unnamed = [f"  and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
    return "\n".join([f"{len(bad)} of {total} images cannot be read:", *named, *unnamed])


def _reason(path: str) -> str | None:
    try:
        decode(path, shrink=8)
    except Exception as error:  # decoders raise errors of many kinds, and each is the answer here
        return f"{type(error).__name__}: {error}"
    return None
