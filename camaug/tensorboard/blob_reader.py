"""Interface of the classes that read blobs from event files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

__all__ = ["BlobReader"]


class BlobReader(Protocol):
    """Reader of the blobs that the camaug plugin has logged so far.

    If a step was logged twice, as in a resumed run, the last blob counts, and later steps of the first attempt are
    dropped.
    """

    def tags(self) -> Mapping[str, Collection[str]]:
        """Return the tags of each run."""
        ...

    def wall_times(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Mapping[int, float]]]:
        """Return when each step of the given tags of each run was written, by step in ascending order.

        The tags are of blob sequences, whose contents are not read.
        Times are seconds since 1970 by the clock of the computer that wrote the event file.
        """
        ...

    def blobs(self, run: str, tags: Sequence[str], steps: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """Return the blobs of the given tags by step, in ascending order. Unknown tags are left out.

        Args:
            run: Name of the run.
            tags: Tags to read.
            steps: Steps to read; None for all.
        """
        ...

    def last_blob(self, run: str, tag: str) -> bytes | None:
        """Return the blob of a tag's last step, or None if the tag does not exist."""
        ...
