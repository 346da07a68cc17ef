"""Unreadable image files, found before training, and the policy for files and boxes that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from lightning.pytorch.utilities import rank_zero_warn

from camaug.images.eight_bits import ValueRange
from camaug.images.loading import decode
from camaug.utils.printable import printable
from camaug.utils.progress import with_progress

__all__ = ["BadPolicy", "check_policy", "find_bad_images", "report_bad"]

BadPolicy = Literal["error", "skip"]
"""What happens to files that cannot be used: an error, or they are left out with a warning."""

_MAX_NAMED = 10


def find_bad_images(paths: Sequence[str], value_range: ValueRange | None = None) -> dict[str, str]:
    """Decode every file, in threads, and return the reason for each that cannot be read.

    `PIL.Image.verify` would be quicker and useless: it does not notice a JPEG that is cut off.

    Args:
        paths: Image files. A bar is shown if it takes long.
        value_range: Values of black and white in images of more than 8 bits.

    Returns:
        The reasons by path, in the order of `paths`.
    """
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as threads:
        results = threads.map(lambda path: _decoding_error(path, value_range), paths)
        reasons = with_progress(results, "checking images", total=len(paths))
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}


def check_policy(argument: str, policy: str) -> None:
    """Raise a ValueError unless the argument is one of the policies."""
    if policy not in ("error", "skip"):
        raise ValueError(f"`{argument}` is 'error' or 'skip', got {policy!r}")


def report_bad(bad: Mapping[str, str], heading: str, argument: str, policy: BadPolicy) -> None:
    """Raise an error, or warn, if something cannot be used. The message names the first ten with their reasons.

    Args:
        bad: The reason for each item that cannot be used.
        heading: First line of the message.
        argument: Name of the user's argument that sets the policy.
        policy: ``"error"`` raises, ``"skip"`` warns.

    Raises:
        ValueError: If there are bad items and the policy is ``"error"``.
    """
    if not bad:
        return
    named = [f"  {printable(name)}: {printable(reason)}" for name, reason in list(bad.items())[:_MAX_NAMED]]
    rest = [f"  and {len(bad) - _MAX_NAMED} more"] if len(bad) > _MAX_NAMED else []
    message = "\n".join([f"{heading}:", *named, *rest])
    if policy == "error":
        raise ValueError(f"{message}\nRepair or remove them, or leave them out with `{argument}: skip`")
    rank_zero_warn(f"{message}\nThey are left out (`{argument}: skip`)")


def _decoding_error(path: str, value_range: ValueRange | None) -> str | None:
    try:
        decode(path, shrink=8, value_range=value_range)
    except Exception as error:  # decoders raise errors of many kinds, and each is a finding here
        return f"{type(error).__name__}: {error}"
    return None
