"""Every module can be imported without what Windows lacks, and none names it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from camaug.utils.portable_names import portable_name
from tests.processes import run_fresh_program

ROOT = Path(__file__).parents[1]
PACKAGES = {"camaug": "camaug", "callbacks": "camaug.callbacks", "datamodules": "camaug.datamodules"}
SOURCES = [path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))]
LACKING = {"fcntl", "grp", "pwd", "resource", "termios"}
LACKING_IN_OS = {"fork", "forkpty", "getuid", "geteuid", "getpgid", "killpg", "mkfifo", "setsid", "statvfs", "uname"}
LACKING_IN_SIGNAL = {"SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "alarm", "pthread_sigmask", "setitimer"}
MAY_BE_MISSING = {"callbacks/_trainer/directory_lock.py": {"fcntl"}}  # imported in a try, with another way
WITHOUT = """
import importlib, os, signal, sys
for name in {others}:
    importlib.import_module(name)
for name in {lacking}:
    sys.modules[name] = None
for module, names in ((os, {of_os}), (signal, {of_signal})):
    for name in names:
        vars(module).pop(name, None)
for name in {modules}:
    importlib.import_module(name)
print("imported")
"""


def module_names() -> list[str]:
    names = (
        ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts])
        for folder, package in PACKAGES.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def test_every_module_is_imported_without_what_windows_lacks():
    others = ["lightning", "timm", "torchvision", "torch.utils.tensorboard", "torch.distributed", "tensorboard.program"]
    code = WITHOUT.format(
        others=[*others, "torchmetrics", "torch._dynamo", "matplotlib.pyplot", "jsonargparse", "rich.progress"],
        lacking=sorted(LACKING), of_os=LACKING_IN_OS, of_signal=LACKING_IN_SIGNAL, modules=module_names(),
    )  # fmt: skip
    done = run_fresh_program("-c", code)
    assert done.stdout.strip().endswith("imported"), done.stdout[-3000:]


def test_no_module_uses_what_windows_lacks():
    used = {}
    for path in SOURCES:
        names = set(names_lacking_on_windows(ast.parse(path.read_text(encoding="utf-8"))))
        file = path.relative_to(ROOT).as_posix()
        if names - MAY_BE_MISSING.get(file, set()):
            used[file] = names
    assert used == {}


@pytest.mark.parametrize(
    "line", ["import fcntl", "from resource import getrusage", "os.fork()", "signal.SIGHUP", 'get_context("fork")']
)
def test_what_windows_lacks_is_found(line):
    assert list(names_lacking_on_windows(ast.parse(line)))


def names_lacking_on_windows(tree: ast.AST):
    """Yield the modules, attributes and start methods of processes in a source that Windows does not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from LACKING & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            yield from LACKING & {node.module}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from {"os": LACKING_IN_OS, "signal": LACKING_IN_SIGNAL}.get(node.value.id, set()) & {node.attr}
        elif isinstance(node, ast.Constant) and node.value in ("fork", "forkserver"):
            yield node.value


@pytest.mark.parametrize("name", ["CON", "aux", "com1", "LPT9", "COM\u00b9", "conout$"])
def test_reserved_names_of_windows_are_changed(name):
    assert [portable_name(each) for each in (name, f"{name}.x.y")] == [f"{name}_", f"{name}_.x.y"]
