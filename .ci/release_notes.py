"""Print the changelog's section of a version, if a tag names this version.

``python .ci/release_notes.py v0.2.0`` ends with an error unless ``camaug/version.py`` says 0.2.0 and ``CHANGELOG.md``
has a section ``## [0.2.0] - DATE``. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def release_notes(tag: str, version: str, changelog: str) -> str:
    r"""Return the section of the tagged version.

    Args:
        tag: The tag's name, ``v`` and the version.
        version: The package's version.
        changelog: The text of the changelog.

    Raises:
        ValueError: If the tag is of another version, or the changelog has no dated section with text for it.

    Example:
        >>> release_notes("v1.2.0", "1.2.0", "## [1.2.0] - 2030-01-31\n\n- New.\n\n## [1.1.0] - 2030-01-01\n\n- Old.\n")
        '- New.\n'
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag} and the version {version}: expected the tag v{version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    section = re.search(rf"{heading}(.*?)(?=^## |\Z)", changelog, flags=re.DOTALL | re.MULTILINE)
    if section is None or not section.group(1).strip():
        raise ValueError(f"CHANGELOG.md has no text under '## [{version}] - YYYY-MM-DD': rename '## [Unreleased]'")
    return section.group(1).strip() + "\n"


def main(tag: str) -> None:
    """Print the notes in UTF-8, or exit with the reason for which there are none."""
    found = re.search(r'__version__ = "(.+)"', (ROOT / "camaug/version.py").read_text(encoding="utf-8"))
    if found is None:
        sys.exit('error: camaug/version.py has no line __version__ = "X.Y.Z"')
    try:
        notes = release_notes(tag, found.group(1), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ValueError as error:
        sys.exit(f"error: {error}")
    sys.stdout.buffer.write(notes.encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python .ci/release_notes.py vX.Y.Z")
    main(sys.argv[1])
