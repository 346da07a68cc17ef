"""Arrows run one way, and `import camaug` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import camaug

PACKAGE = Path(__file__).parents[1] / "camaug"
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.update([node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)])
    return names


def belongs(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def importers(*packages: str) -> set[str]:
    files = [path for path in FILES if any(belongs(name, *packages) for name in imported(path))]
    return {path.relative_to(PACKAGE).as_posix() for path in files}


def test_only_the_classifier_and_the_command_line_import_lightning():
    # The trainer is a part of the command line: LightningCLI makes its subcommands of the trainer's methods.
    assert importers("lightning", "pytorch_lightning") == {"classifier.py", "cli.py", "trainer.py"}


def test_only_the_command_line_imports_callbacks_and_data_modules():
    assert importers("camaug.callbacks", "camaug.datamodules", "callbacks", "datamodules") == {
        "cli.py",
        "trainer.py",
    }


def test_pure_rooms():
    for room in ("masking.py", "observe.py", "features.py"):
        roots = {name.partition(".")[0] for name in imported(PACKAGE / room)}
        assert roots <= {*sys.stdlib_module_names, "torch", "torchvision", "numpy", "camaug"}
    for room in ("masking.py", "observe.py", "features.py", "batches.py", "render.py", "schedules.py"):
        assert not any(belongs(name, "camaug") for name in imported(PACKAGE / room))
    explainers = {name for path in (PACKAGE / "explainers").glob("*.py") for name in imported(path)}
    assert not any(belongs(name, "camaug.augment", "camaug.metrics", "camaug.render") for name in explainers)


HEAVY = {"lightning", "pytorch_lightning", "tensorboard", "tensorflow", "jsonargparse", "timm", "matplotlib"}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_camaug_is_light():
    loaded = loaded_by(f"from camaug import {', '.join(camaug.__all__)}")
    assert {"camaug", "torch"} <= loaded
    assert not loaded & HEAVY


def test_tensorboard_loads_the_tab_without_pytorch():
    loaded = loaded_by("from camaug.tensorboard import loader, plugin")
    assert {"camaug", "tensorboard"} <= loaded
    assert not loaded & {"torch", "torchvision", "lightning", "timm", "PIL"}


def test_everything_that_is_offered_is_there():
    assert all(hasattr(camaug, name) for name in camaug.__all__)
    assert len(set(camaug.__all__)) == len(camaug.__all__)
