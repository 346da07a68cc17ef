"""Names of the files that explain a photo."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from zlib import crc32

from camaug.utils.portable_names import LARGEST, portable_name, portable_names, same_file_key

__all__ = ["PhotoNames", "output_names"]

_LAST = "_overlay.png"  # the longest of what CamWriter adds to the name and suffix of a result


class PhotoNames:
    """Names of photos and of their results, relative to the photos' folder.

    Args:
        root: Folder of the photos, None if it is unknown.
        photos: Paths of the photos, whose results get different names.
        suffixes: What follows a photo's name in the names of its results.
    """

    def __init__(self, root: Path | None = None, photos: Sequence[str] = (), suffixes: Sequence[str] = ("",)) -> None:
        self._root = root
        self._suffixes = suffixes
        self._outputs = output_names([self.relative(photo) for photo in photos], suffixes)

    def relative(self, photo: str) -> str:
        """Return the path below the root, or the whole path without its first slash for a photo outside the root."""
        absolute = PurePath(os.path.abspath(photo))
        if self._root is not None and self._root in absolute.parents:
            return absolute.relative_to(self._root).as_posix()
        return _whole(absolute)

    def output(self, photo: str) -> str:
        """Return the name of a photo's results without suffix, made of the whole path if the photo was not listed."""
        relative = self.relative(photo)
        if relative not in self._outputs:
            whole = f"{relative}.result"  # so that the photo's own suffix is kept
            self._outputs[relative] = output_names([whole], self._suffixes)[whole]
        return self._outputs[relative]

    def record(self, photo: str) -> dict[str, Any]:
        """Return the relative path, size and modification time, by which a changed photo is recognised."""
        status = Path(photo).stat()
        return {"path": self.relative(photo), "bytes": status.st_size, "modified": status.st_mtime_ns}


def _whole(path: PurePath) -> str:
    """Return an absolute path as a relative one, where a drive of Windows is the first folder.

    Example:
        >>> _whole(PurePosixPath("/a/b.jpg"))
        'a/b.jpg'
    """
    drive = re.sub(r"[:/\\]+", "_", path.drive).strip("_")
    return "/".join(filter(None, (drive, path.relative_to(path.anchor).as_posix())))


def output_names(paths: Sequence[str], suffixes: Sequence[str] = ("",)) -> dict[str, str]:
    """Map paths to different names of results, valid on every system.

    A name is the path without its suffix, or with it if another path has the same results. Paths that still have the
    same results, on a file system that ignores case for example, get a digest.

    Args:
        paths: Relative paths of photos, with ``/``.
        suffixes: What follows the names in the names of the results.

    Example:
        >>> output_names(["a/x.jpg", "b/x.jpg", "b/x.png"])
        {'a/x.jpg': 'a/x', 'b/x.jpg': 'b/x.jpg', 'b/x.png': 'b/x.png'}
        >>> output_names(["x.jpg", "x.png", "x.jpg.png", "aux.jpg"])
        {'x.jpg': 'x.jpg', 'x.png': 'x.png', 'x.jpg.png': 'x.jpg.png', 'aux.jpg': 'aux_'}
    """
    folders = _folder_names(paths)
    largest = LARGEST - len(_LAST) - max(len(suffix.encode(errors="surrogatepass")) for suffix in suffixes)
    choices = {path: _choices(PurePosixPath(path), folders, largest) for path in paths}
    chosen = dict.fromkeys(paths, 0)
    while colliding := _colliding(choices, chosen, suffixes):
        for path in colliding:
            chosen[path] += 1
    return {path: choices[path][number] for path, number in chosen.items()}


def _choices(path: PurePosixPath, folders: dict[PurePosixPath, str], largest: int) -> list[str]:
    """Return the possible names of a photo's results, the shortest first."""
    digest = f"{crc32(os.fsencode(str(path))):08x}"
    names = [portable_name(path.stem, largest), portable_name(path.name, largest)]
    return [f"{folders[path.parent]}{name}" for name in (*names, f"{portable_name(path.name, largest - 9)}-{digest}")]


def _colliding(choices: dict[str, list[str]], chosen: dict[str, int], suffixes: Sequence[str]) -> set[str]:
    """Return the paths that must have a longer name, because another path has the same results."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for path, number in chosen.items():
        for suffix in suffixes:
            owners[same_file_key(choices[path][number] + suffix)].add(path)
    colliding: set[str] = set()
    for paths in owners.values():
        shortest = min(chosen[path] for path in paths)
        if len(paths) > 1 and shortest < 2:
            colliding |= {path for path in paths if chosen[path] == shortest}
    return colliding


def _folder_names(paths: Sequence[str]) -> dict[PurePosixPath, str]:
    """Map all folders of paths to names that are valid on every system, with ``/`` at the end."""
    folders = sorted({folder for path in paths for folder in PurePosixPath(path).parents if folder.name})
    children: defaultdict[PurePosixPath, list[str]] = defaultdict(list)
    for folder in folders:
        children[folder.parent].append(folder.name)
    portable = {parent: portable_names(names) for parent, names in children.items()}
    names = {PurePosixPath(): ""}
    for folder in folders:  # sorted, so that parents come first
        names[folder] = f"{names[folder.parent]}{portable[folder.parent][folder.name]}/"
    return names
