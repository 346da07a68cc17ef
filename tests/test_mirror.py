"""Every module has a test file of its name, or a row of tests/README.md that names the test files."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("camaug", "callbacks", "datamodules", "benchmarks")


def rows() -> list[tuple[list[str], list[str]]]:
    """Return the paths in the two columns of the table, as patterns relative to the root."""
    page = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`.+) \| (`.+) \|$", page, flags=re.MULTILINE)
    return [(whole_paths(modules), whole_paths(tests)) for modules, tests in table]


def whole_paths(cell: str) -> list[str]:
    """Return the paths in a cell, in which a bare name is in the folder of the path before it."""
    paths, folder = [], ROOT
    for name in re.findall(r"`([^`]+)`", cell):
        is_whole = "/" in name or (ROOT / name).exists()
        path = (ROOT if is_whole else folder) / name
        folder = path.parent
        paths.append(path.relative_to(ROOT).as_posix())
    return paths


def has_own_test(module: Path) -> bool:
    mirrored = module.relative_to("camaug") if module.parts[0] == "camaug" else module
    return (ROOT / "tests" / mirrored.with_name(f"test_{module.name}")).exists()


def test_every_module_is_tested_in_a_file_of_its_name_or_in_a_listed_one():
    listed = {path for modules, _ in rows() for pattern in modules for path in ROOT.glob(pattern)}
    modules = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py"}
    missing = [path for path in modules - listed if not has_own_test(path.relative_to(ROOT))]
    assert not missing, f"give {sorted(path.relative_to(ROOT).as_posix() for path in missing)} a row in tests/README.md"


def test_every_listed_path_exists():
    paths = [pattern for modules, tests in rows() for pattern in modules + tests]
    assert [pattern for pattern in paths if not list(ROOT.glob(pattern))] == []


def test_no_module_with_a_file_of_its_own_is_listed():
    modules = [Path(pattern) for listed, _ in rows() for pattern in listed if "*" not in pattern]
    assert [module for module in modules if has_own_test(module)] == []
