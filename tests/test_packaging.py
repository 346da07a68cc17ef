"""The installed package: every folder of code with its files, and nothing else."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
INSTALLED_AS = {"camaug": "camaug", "callbacks": "camaug/callbacks", "datamodules": "camaug/datamodules"}
SUFFIXES = {".py", ".pyi", ".js", ".typed"}
NAMES = {"PIL": "pillow", "yaml": "pyyaml", "skimage": "scikit-image", "sklearn": "scikit-learn"}
COMES_WITH_TENSORBOARD = {"werkzeug"}  # the type of its plugins' requests
OTHER_NAME_OF_LIGHTNING = {"pytorch_lightning"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of a wheel, and its metadata in ``camaug.egg-info``."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", target, "build_py", "--build-lib", target],
        cwd=ROOT,
        check=True,
    )
    return target


@pytest.fixture(scope="module")
def installed(target: Path) -> set[str]:
    """Return the files of a wheel, relative to ``site-packages``."""
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


def test_types_and_the_tab_are_installed_but_no_test_and_no_example(installed):
    assert {"camaug/py.typed", "camaug/__init__.pyi", "camaug/tensorboard/static/index.js"} <= installed
    assert not [name for name in installed if "test" in name or "example" in name]
    examples = {path.name for path in (ROOT / "examples").iterdir()}
    assert not [name for name in installed if Path(name).name in examples]


# Dependencies


@pytest.fixture(scope="module")
def base(target: Path) -> dict[str, str]:
    """Return the requirements of the base install by their names."""
    return requirements(target)[""]


def requirements(target: Path) -> dict[str, dict[str, str]]:
    """Return the requirements of each extra by their names, those of the base install under ``""``."""
    parts = re.split(r"^\[(.*)\]\n", (target / "camaug.egg-info/requires.txt").read_text(encoding="utf-8"), flags=re.M)
    blocks = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return {
        extra: {re.match(r"[\w.-]+", line).group(): line for line in block.split("\n") if line}
        for extra, block in blocks.items()
    }


def packages_imported_at_the_top() -> set[str]:
    """Return the other projects' packages that are imported when a module is, not only in one of its functions."""
    names = set()
    for path in (path for folder in INSTALLED_AS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
    roots = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"camaug"}
    return {NAMES.get(root, root).replace("_", "-") for root in roots}


def test_the_base_install_has_what_is_imported(base):
    assert packages_imported_at_the_top() - base.keys() <= COMES_WITH_TENSORBOARD


def test_the_base_install_has_nothing_that_is_not_imported(base):
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in INSTALLED_AS for path in (ROOT / folder).rglob("*.py")
    )
    imported = {
        NAMES.get(name, name).replace("_", "-") for name in re.findall(r"^ *(?:import|from) (\w+)", sources, re.M)
    }
    assert base.keys() - imported == set()


def test_every_extra_is_documented_where_it_is_installed(target):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for extra in requirements(target).keys() - {"", "test", "lint", "docs", "ecosystem"}:
        if not re.search(r":python_version|^:", extra):
            assert re.search(rf"^\| `{extra}` \|", readme, flags=re.MULTILINE), extra


def test_the_lowest_versions_are_those_of_the_metadata(base):
    lowest = runpy.run_path(str(ROOT / ".ci/lowest.py"))["lowest_versions"]
    versions = lowest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert versions == {name: line.rpartition(">=")[2] for name, line in base.items()}
    with pytest.raises(ValueError, match="expected dependencies"):
        lowest('dependencies = [\n    "torch",\n]\n')


# Tools and workflows

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_hooks_and_make_lint_run_the_same_tools_at_pinned_versions(target):
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    of_hooks = {hook["entry"].split()[2].removesuffix("_lib") for hook in hooks if "-m" in hook["entry"]}
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert set(re.findall(r"\t\$\(BIN\)/(\w+)", recipe)) == of_hooks
    pinned = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\nlint = [")[2].partition("]")[0]
    assert of_hooks <= set(re.findall(r'"([\w-]+)==[\d.]+', pinned))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_least_permissions_pinned_actions_and_limits(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "concurrency" in workflow
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert re.search(r"@[0-9a-f]{40}$", step.get("uses", f"@{'0' * 40}")), step
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
    assert len(re.findall(r"uses: \S+ # v[\d.]+$", path.read_text(encoding="utf-8"), re.MULTILINE)) == path.read_text(
        encoding="utf-8"
    ).count("uses: ")


def test_only_the_publishing_job_may_speak_for_the_project():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    permissions = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert permissions == {
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }


def test_the_notes_of_a_release_are_its_section_of_the_changelog():
    notes = runpy.run_path(str(ROOT / ".ci/release_notes.py"))["release_notes"]
    newest = "## [Unreleased]\n\n- Not yet.\n\n## [0.2.0] - 2030-01-31\n\n### Added\n\n- New.\n\n"
    changelog = f"{newest}## [0.1.0] - 2030-01-01\n\n- Old.\n"
    assert notes("v0.2.0", "0.2.0", changelog) == "### Added\n\n- New.\n"
    with pytest.raises(ValueError, match=r"the tag is v0\.2\.1 and the version 0\.2\.0"):
        notes("v0.2.1", "0.2.0", changelog)
    with pytest.raises(ValueError, match="no text under"):
        notes("v0.3.0", "0.3.0", changelog)


VALUES_WITH_INTERVALS = re.compile(r"([+-]?\d+(?:\.\d+)?)(?: points)?\s+\[([+-]?[\d.]+),\s+([+-]?[\d.]+)\]")


def values(text: str) -> set[tuple[float, ...]]:
    """Return the differences with their intervals in a text, rounded to a tenth, each as that of the better arm."""
    found = VALUES_WITH_INTERVALS.findall(text.replace("\N{MINUS SIGN}", "-"))
    triples = (tuple(round(float(number), 1) for number in numbers) for numbers in found)
    return {max((value, low, high), (-value, -high, -low)) for value, low, high in triples}


@pytest.mark.parametrize(("page", "at_least"), [("CHANGELOG.md", 15), ("README.md", 3), ("docs/evidence.md", 10)])
def test_the_values_that_are_claimed_are_those_of_the_results(page, at_least):
    claimed, measured = (values((ROOT / name).read_text(encoding="utf-8")) for name in (page, "docs/results.md"))
    assert len(claimed) >= at_least
    assert claimed - measured == set()


def test_values_that_differ_are_found():
    measured = values("| a | b | -4.586 [-7.6, -1.24] |, +2.4 [\N{MINUS SIGN}1.2, 6.0]")
    assert values("behind by 4.6 [1.2, 7.6], and +2.4 points\n[-1.2, 6.0]") == measured
    for wrong in ("4.7 [1.2, 7.6]", "4.6 [-1.2, 7.6]", "2.4 [1.2, 6.0]", "-2.4 [-1.2, 6.0]"):
        assert not values(wrong) & measured


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    version = runpy.run_path(str(ROOT / "camaug/version.py"))["__version__"]
    assert (citation["version"], citation["license"]) == (version, "Apache-2.0")
