"""File names that are valid on every system."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable

__all__ = ["portable_name", "portable_names", "same_file_key"]

LARGEST = 240
"""Bytes of a file name. File systems allow 255, of which a suffix needs some."""

_NUMBERS = "123456789\u00b9\u00b2\u00b3"  # Windows takes the superscripts 1, 2 and 3 for numbers of ports, too
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$", *(f"{p}{n}" for p in ("com", "lpt") for n in _NUMBERS)}
_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # by Windows


def portable_name(name: str, largest: int = LARGEST) -> str:
    """Return a name as the name of a file or folder on Windows, macOS and Linux.

    Characters that Windows refuses become ``_``, as do dots and spaces at the end. A reserved name of a device gets a
    ``_``. A name that is too long is cut, and ends in a digest of the whole.

    Args:
        name: Any text.
        largest: Largest number of bytes in UTF-8.

    Example:
        >>> portable_name("a/b: c?"), portable_name("..."), portable_name("CON.txt")
        ('a_b_ c_', '___', 'CON_.txt')
        >>> portable_name("long" * 100, largest=20)
        'longlonglon-36b07da3'
    """
    valid = _REFUSED.sub("_", name)
    ending = re.search(r"[. ]*$", valid)
    valid = valid[: len(valid) - len(ending.group())] + "_" * len(ending.group()) if ending else valid
    stem, dot, rest = valid.partition(".")
    if stem.rstrip(" ").casefold() in _RESERVED:
        valid = f"{stem}_{dot}{rest}"
    return _shortened(valid, largest) or "unnamed"


def portable_names(names: Iterable[str], largest: int = LARGEST) -> dict[str, str]:
    """Map different names to different names of files or folders (:func:`portable_name`).

    Names that differ only in characters that are replaced, in case or in Unicode normalisation get a digest.

    Args:
        names: Any texts.
        largest: Largest number of bytes in UTF-8.

    Example:
        >>> portable_names(["cat", "Cat?", "dog"])
        {'cat': 'cat', 'Cat?': 'Cat_', 'dog': 'dog'}
        >>> portable_names(["cat", "Cat"])
        {'cat': 'cat-9e5e43a8', 'Cat': 'Cat-a6130548'}
    """
    portable = {name: portable_name(name, largest) for name in names}
    uses = Counter(map(same_file_key, portable.values()))
    return {
        name: each if uses[same_file_key(each)] == 1 else _with_digest(each, name, largest)
        for name, each in portable.items()
    }


def same_file_key(name: str) -> str:
    """Return what is equal for names of one file on a file system that ignores case or normalisation.

    Example:
        >>> same_file_key("É.jpg") == same_file_key("e" + chr(0x301) + ".JPG")
        True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(name: str, largest: int) -> str:
    return name if _bytes(name) <= largest else _with_digest(name, name, largest)


def _with_digest(name: str, of: str, largest: int) -> str:
    digest = f"-{zlib.crc32(of.encode(errors='surrogatepass')):08x}"
    name = name[:largest]
    while _bytes(name) > largest - len(digest):
        name = name[:-1]
    return name + digest


def _bytes(name: str) -> int:
    return len(name.encode(errors="surrogatepass"))
