"""Rooms import only lower rooms, and `import camaug` loads no heavy package."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import camaug

ROOT = Path(__file__).parents[1]
PACKAGE = Path("camaug/__init__.py")  # which belongs to no room and imports every room
# As in docs/architecture.md, which tests/test_docs.py checks.
FLOORS = [
    {"camaug.functional", "camaug.inspection", "camaug.images", "camaug.utils", "camaug.version"},
    {"camaug.fast_forward", "camaug.saliency_bank", "camaug.tensorboard"},
    {"camaug.explainers", "camaug.film"},
    {"camaug.augmentation", "camaug.metrics", "camaug.single_image"},
    {"camaug.experiments", "camaug.datamodules"},
    {"camaug.training"},
    {"camaug.cli", "camaug._cli", "camaug.callbacks", "benchmarks"},
    {"camaug.__main__", "train"},
]
MAY_IMPORT_LIGHTNING = {
    "camaug.training",
    "camaug.experiments",
    "camaug.cli",
    "camaug._cli",
    "camaug.callbacks",
    "camaug.datamodules",
}
# The trainer is a part of the command line: LightningCLI makes its subcommands of the trainer's methods.
MAY_IMPORT_CALLBACKS = {
    "camaug/cli.py",
    "camaug/_cli/arguments.py",
    "camaug/_cli/summary.py",
    "camaug/training/trainer.py",
}
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms}
SOURCES = [
    path.relative_to(ROOT)
    for folder in ("camaug", "callbacks", "datamodules", "benchmarks", "train.py")
    for path in sorted(ROOT.glob(folder if folder.endswith(".py") else f"{folder}/**/*.py"))
]


def module_of(path: Path) -> str:
    """Return the dotted name that a file is installed as."""
    parts = list(path.with_suffix("").parts)
    if parts[0] in ("callbacks", "datamodules"):
        parts.insert(0, "camaug")
    return ".".join(parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    return next((room for room in FLOOR_OF if module == room or module.startswith(f"{room}.")), None)


@functools.cache
def imported(path: Path) -> set[str]:
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            names.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
    return names


def belongs(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", [path for path in SOURCES if path != PACKAGE], ids=Path.as_posix)
def test_a_room_imports_only_lower_rooms(path):
    here = room_of(module_of(path))
    others = {room for name in imported(path) if (room := room_of(name)) is not None and room != here}
    if path.as_posix() in MAY_IMPORT_CALLBACKS:
        others.discard("camaug.callbacks")
    above = {room for room in others if FLOOR_OF[room] > FLOOR_OF[here]}
    assert not above, f"{path} is on floor {FLOOR_OF[here]} and imports {above}"
    # Rooms of the same floor may import each other in one direction only.
    assert all(not (FLOOR_OF[room] == FLOOR_OF[here] and imports_back(room, here)) for room in others)


def imports_back(room: str, other: str) -> bool:
    files = [path for path in SOURCES if room_of(module_of(path)) == room]
    return any(belongs(name, other) for path in files for name in imported(path))


def test_only_some_rooms_import_lightning():
    rooms = {
        room_of(module_of(path))
        for path in SOURCES
        if any(belongs(name, "lightning", "pytorch_lightning") for name in imported(path))
    }
    assert rooms - {"benchmarks"} <= MAY_IMPORT_LIGHTNING


def test_only_the_command_line_imports_callbacks():
    importers = {
        path.as_posix()
        for path in SOURCES
        if path.parts[0] not in ("callbacks", "benchmarks")
        and any(belongs(name, "camaug.callbacks") for name in imported(path))
    }
    assert importers == MAY_IMPORT_CALLBACKS


def test_pure_functions_import_only_tensor_libraries():
    for path in (ROOT / "camaug/functional").glob("*.py"):
        roots = {name.partition(".")[0] for name in imported(path.relative_to(ROOT))}
        assert roots <= {*sys.stdlib_module_names, "torch", "torchvision", "numpy", "camaug"}


HEAVY = {"lightning", "pytorch_lightning", "tensorboard", "tensorflow", "jsonargparse", "timm", "matplotlib"}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_camaug_loads_no_heavy_package():
    loaded = loaded_by(f"from camaug import {', '.join(camaug.__all__)}")
    assert {"camaug", "torch"} <= loaded
    assert not loaded & HEAVY


def test_import_camaug_alone_loads_no_package_but_its_own():
    assert not loaded_by("import camaug") & {*HEAVY, "torch", "torchvision", "numpy", "PIL", "yaml", "rich"}


def test_tensorboard_loads_the_tab_without_pytorch():
    loaded = loaded_by("from camaug.tensorboard import loader, plugin")
    assert {"camaug", "tensorboard"} <= loaded
    assert not loaded & {"torch", "torchvision", "lightning", "timm", "PIL"}


def test_every_public_name_exists():
    assert all(hasattr(camaug, name) for name in camaug.__all__)
    assert len(set(camaug.__all__)) == len(camaug.__all__)
