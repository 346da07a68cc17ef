"""Every method documents itself, and docs/methods.md is generated from that."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest

from camaug import list_explainers
from camaug.explainers import MethodInfo, explainer_class
from tests.processes import run_fresh_program

ROOT = Path(__file__).parents[2]
METHODS = [
    explainer_class(name)
    for name in list_explainers()
    if explainer_class(name).__module__.startswith("camaug.explainers.methods.")
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_documents_itself(method):
    assert isinstance(vars(method).get("info"), MethodInfo), f"{method.__name__} has no `info` of its own"
    assert all(not line.startswith(" ") for line in method.info.paper.splitlines())


def test_every_file_holds_one_registered_method():
    files = {path.stem for path in (ROOT / "camaug/explainers/methods").glob("*.py")} - {"__init__"}
    assert {method.__module__.rpartition(".")[2] for method in METHODS} == files
    assert len(METHODS) == len(files)


def test_a_method_is_checked_against_something():
    with pytest.raises(ValueError, match="a method needs an `oracle`, or a `check`"):
        MethodInfo(section="layer", paper="none", passes="1", needs="nothing")


def test_the_tables_of_the_methods_page_are_up_to_date():
    page = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    updated = runpy.run_path(str(ROOT / "docs/methods_table.py"))["updated"]
    assert updated(page) == page, "run `python docs/methods_table.py` to update docs/methods.md"
    rows = re.findall(r"^\| `([a-z+-]+)` \| `(\w+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", page, flags=re.MULTILINE)
    assert sorted((row[0], row[1]) for row in rows) == [(method.name, method.__name__) for method in METHODS]


NEW_METHOD = '''"""Strongest-channel CAM."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer


@register_explainer("strongest-channel")
@dataclass(frozen=True)
class StrongestChannel(LayerExplainer):
    """Strongest-channel CAM: the channel of the largest mean."""

    class_specific: ClassVar[bool] = False
    info: ClassVar[MethodInfo] = MethodInfo(
        section="layer", paper="the strongest channel", passes="1", needs="spatial features", check="formula"
    )

    def weights(self, evidence: LayerEvidence, maps: Tensor) -> Tensor:
        """Return 1 for the channel of the largest mean, else 0, (N, K)."""
        means = maps.mean(dim=(2, 3))
        return (means == means.amax(dim=1, keepdim=True)).to(maps.dtype)
'''


USE_OF_THE_NEW_METHOD = """
import runpy
import pytest
from camaug.explainers import StrongestChannel, get_explainer

print(get_explainer("strongest-channel"), flush=True)
runpy.run_path("docs/methods_table.py", run_name="__main__")
tests = [f"tests/explainers/test_{name}.py" for name in ("contract", "method_info", "oracles")]
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-n", "0", *tests, "-k", "strongest-channel"]))
"""


def test_a_new_method_is_one_file(tmp_path):
    """A copy of the package with one file more lists, documents and tests the new method."""
    for folder in ("camaug", "docs", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "images"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "camaug/explainers/methods/strongest_channel.py").write_text(NEW_METHOD, encoding="utf-8")

    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = run_fresh_program("-c", USE_OF_THE_NEW_METHOD, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("StrongestChannel(layer=None, fuse='mean')\n")
    row = "| `strongest-channel` | `StrongestChannel` | the strongest channel | 1 | spatial features; ignores the"
    assert row in (tmp_path / "docs/methods.md").read_text(encoding="utf-8")
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 30
