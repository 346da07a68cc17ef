"""The installed package: every folder of code with its files, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALLED_AS = {"camaug": "camaug", "callbacks": "camaug/callbacks", "datamodules": "camaug/datamodules"}
SUFFIXES = {".py", ".pyi", ".js", ".typed"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the files of a wheel, relative to ``site-packages``."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", target, "build_py", "--build-lib", target],
        cwd=ROOT,
        check=True,
    )
    files = (path.relative_to(target) for path in target.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "egg-info" not in path.parts[0]}


def files_of_the_tree() -> set[str]:
    return {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in INSTALLED_AS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES
    }


def test_every_file_of_the_packages_is_installed_and_no_other(installed):
    assert installed == files_of_the_tree()


def test_every_folder_of_code_is_a_package():
    folders = {path.parent for name in INSTALLED_AS for path in (ROOT / name).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_types_and_the_tab_are_installed_but_no_test(installed):
    assert {"camaug/py.typed", "camaug/__init__.pyi", "camaug/tensorboard/static/index.js"} <= installed
    assert not [name for name in installed if "test" in name]
