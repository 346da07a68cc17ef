"""Names of the files that explain a photo."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

__all__ = ["PhotoNames", "output_names"]


class PhotoNames:
    """Names of photos and of their results, relative to the photos' folder.

    Args:
        root: Folder of the photos, None if it is unknown.
        photos: Paths of the photos, whose results get different names.
    """

    def __init__(self, root: Path | None = None, photos: Sequence[str] = ()) -> None:
        self._root = root
        self._outputs = output_names([self.relative(photo) for photo in photos])

    def relative(self, photo: str) -> str:
        """Return the path below the root, or the whole path without its anchor for a photo outside the root."""
        absolute = PurePath(os.path.abspath(photo))
        root = self._root if self._root is not None and self._root in absolute.parents else absolute.anchor
        return absolute.relative_to(root).as_posix()

    def output(self, photo: str) -> str:
        """Return the name of a photo's results without suffix: the relative path of a photo that was not listed."""
        relative = self.relative(photo)
        return self._outputs.get(relative, relative)

    def record(self, photo: str) -> dict[str, Any]:
        """Return the relative path, size and modification time, by which a changed photo is recognised."""
        status = Path(photo).stat()
        return {"path": self.relative(photo), "bytes": status.st_size, "modified": status.st_mtime_ns}


def output_names(paths: Sequence[str]) -> dict[str, str]:
    """Map paths to names without a suffix, or with it if two paths differ in nothing else.

    Example:
        >>> output_names(["a/x.jpg", "b/x.jpg", "b/x.png"])
        {'a/x.jpg': 'a/x', 'b/x.jpg': 'b/x.jpg', 'b/x.png': 'b/x.png'}
    """
    stems = {path: PurePath(path).with_suffix("").as_posix() for path in paths}
    uses = Counter(stem.casefold() for stem in stems.values())
    return {path: stem if uses[stem.casefold()] == 1 else path for path, stem in stems.items()}
