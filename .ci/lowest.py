"""Print the lowest supported version of each dependency as constraints for pip, from ``pyproject.toml``.

``python .ci/lowest.py > lowest.txt`` and ``pip install --constraint lowest.txt .`` install what a user with the oldest
supported packages has. Needs nothing but Python, as 3.10 has no reader of TOML.
"""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest_versions(project: str) -> dict[str, str]:
    r"""Return the lower bound of each dependency of the base install.

    Args:
        project: Text of a ``pyproject.toml`` with one dependency a line.

    Raises:
        ValueError: If a dependency has no lower bound, or there is none.

    Example:
        >>> lowest_versions('dependencies = [\n    "torch>=2.11",\n    "jsonargparse[signatures]>=4.40",\n]\n')
        {'torch': '2.11', 'jsonargparse': '4.40'}
    """
    block = re.search(r"^dependencies = \[\n(.*?)^\]", project, flags=re.DOTALL | re.MULTILINE)
    lines = re.findall(r'^ +"(.*?)"', block.group(1), flags=re.MULTILINE) if block else []
    found = [re.match(r"([\w.-]+)(?:\[[^]]*\])?>=([\w.]+)", line) for line in lines]
    if not found or None in found:
        raise ValueError(f"expected dependencies = [...] with a line '\"name>=version\",' for each, got {lines}")
    return {each.group(1): each.group(2) for each in found if each}


if __name__ == "__main__":
    for name, version in lowest_versions(PROJECT.read_text(encoding="utf-8")).items():
        print(f"{name}=={version}")
