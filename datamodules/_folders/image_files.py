"""Image files in folders, and the classes that folders name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from camaug.images.formats import image_suffixes, unread_suffixes
from camaug.utils.progress import with_progress

__all__ = ["Sample", "class_folders", "image_files", "labelled_images", "visible_files"]

Sample = tuple[str, int]
OF_THE_SYSTEM = {
    *("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "system volume information"),
    *("lost+found", "@eadir", "#recycle"),
}
"""Names of files and folders of macOS, Windows, Linux and of network storage, in lower case."""


def class_folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones (".cache")."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry.name))


def image_files(folder: Path, unread: Counter[str] | None = None, others: Counter[str] | None = None) -> Iterator[str]:
    """Yield the images in a folder and the folders below it, sorted, without hidden files and folders.

    Args:
        folder: The folder.
        unread: Counter that gets the number of images of each format that cannot be read here, by suffix.
        others: Counter that gets the number of all other files, by suffix.
    """
    of_images, of_unread = image_suffixes(), tuple(unread_suffixes())
    for path in visible_files(folder, ""):
        name = path.lower()
        if name.endswith(of_images):
            yield path
            continue
        counter = unread if name.endswith(of_unread) else others
        if counter is not None:
            counter[Path(path).suffix.lower()] += 1


def visible_files(folder: Path, suffixes: str | tuple[str, ...]) -> Iterator[str]:
    """Yield the files in a folder and the folders below it whose name ends in a suffix, in any case.

    The order is sorted; hidden files and folders are left out. The search is lazy: finding the first file of a large
    folder is cheap. Links are followed, each folder once.

    Raises:
        ValueError: If a link leads to a folder that it is in.
        OSError: If a folder cannot be read.
    """
    visited = {os.path.realpath(folder)}
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_raise_unless_missing):
        folders[:] = sorted(name for name in folders if not _is_hidden(name) and _is_new(parent, name, visited))
        for name in sorted(files):
            if name.lower().endswith(suffixes) and not _is_hidden(name):
                yield os.path.join(parent, name)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _is_new(parent: str, name: str, visited: set[str]) -> bool:
    """Return True if a folder was not visited by another name, and count it as visited."""
    path = os.path.join(parent, name)
    target = os.path.realpath(path)
    if os.path.islink(path) and os.path.join(os.path.realpath(parent), "").startswith(os.path.join(target, "")):
        raise ValueError(f"{path} is a link to {target}, a folder that it is in: remove the link")
    is_new = target not in visited
    visited.add(target)
    return is_new


def _is_hidden(name: str) -> bool:
    """Return True for the name of a file or folder that a program or an operating system made for itself."""
    return name.startswith(".") or name.lower() in OF_THE_SYSTEM


def labelled_images(
    folder: Path,
    classes: Sequence[str],
    unread: Mapping[str, Counter[str]] | None = None,
    others: Mapping[str, Counter[str]] | None = None,
) -> list[Sample]:
    """Return every image of every class folder as `(path, label)`, where the label is the class's index.

    Args:
        folder: The folder of the class folders.
        classes: Their names.
        unread: A counter for each class that gets the number of its images that cannot be read here, by suffix.
        others: A counter for each class that gets the number of its other files, by suffix.
    """
    return [
        (path, label)
        for label, name in enumerate(with_progress(classes, "listing images"))
        for path in image_files(folder / name, *(counters[name] if counters else None for counters in (unread, others)))
    ]
