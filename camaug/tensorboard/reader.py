"""Where blobs are read from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

__all__ = ["BlobReader"]


class BlobReader(Protocol):
    """What is there now of the camaug plugin's blobs; a run may still be writing.

    A step that was logged again, as by a resumed run, is read as it was logged last, and the steps after it that were
    logged before are gone.
    """

    def tags(self) -> Mapping[str, Collection[str]]:
        """The tags of each run."""
        ...

    def steps(self, tags: Mapping[str, Collection[str]]) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """The steps of some tags of some runs, in ascending order."""
        ...

    def blobs(self, run: str, tags: Sequence[str], among: range | None = None) -> Mapping[str, Mapping[int, bytes]]:
        """The blobs of some tags, of the steps that are among the given ones, in ascending order.

        A tag that is not there is left out.
        """
        ...

    def last(self, run: str, tag: str) -> bytes | None:
        """The blob of the last step of a tag; None for a tag that is not there."""
        ...
