"""The code in the documentation runs: the README's Python blocks and every docstring example."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
IN_PYTHON = (ROOT / "docs/python.md").read_text()
PAGES = "".join(
    (ROOT / name).read_text()
    for name in ("README.md", "docs/command_line.md", "docs/python.md", "docs/experiments.md", "docs/metrics.md")
)
METHODS = (ROOT / "docs/methods.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)+|[\w.-]+\.py)`")
FOLDERS = {"camaug": "camaug", "callbacks": "camaug.callbacks", "datamodules": "camaug.datamodules"}
MODULES = [
    ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts]).removesuffix(".__init__")
    for folder, package in FOLDERS.items()
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    torch.manual_seed(0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_modules_of_every_package_are_found():
    assert {"camaug.callbacks.cam_logger", "camaug.datamodules.shapes", "camaug.explainers.methods.group_cam"} <= set(
        MODULES
    )


def test_readme_code_runs():
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert [type(callback).__name__ for callback in names["trainer"].callbacks][:2] == [
        "CamLogger",
        "GroupCamAugmentation",
    ]


def test_the_code_of_the_page_on_python_has_the_results_that_it_states(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((300, 260), 60).convert("RGB").save("photo.jpg")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", IN_PYTHON, flags=re.DOTALL):
        exec(compile(block, "python.md", "exec"), names)
    assert names["explanation"].maps.shape == (4, 64, 64)
    assert names["images"].shape == (4, 3, 64, 64)
    assert names["explained"].map.shape == (224, 224)
    assert {path.name for path in Path("explained").iterdir()} == {
        "photo_overlay.png",
        "photo_map.png",
        "photo.json",
    }


def test_the_layer_on_the_page_on_python_is_correct():
    import torchvision

    from camaug import find_layer

    assert f"find_layer(model)  # {find_layer(torchvision.models.resnet18())}" in IN_PYTHON


def test_the_layer_on_the_page_of_layers_is_correct():
    import timm

    from camaug import find_layer

    page = (ROOT / "docs" / "layers.md").read_text()
    assert f"find_layer(model)  # {find_layer(timm.create_model('vit_tiny_patch16_224'))}" in page


def test_the_table_of_metrics_has_every_metric_and_function():
    import torchmetrics

    from camaug import metrics

    page = (ROOT / "docs/metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", page, flags=re.MULTILINE)
    offered = {name: getattr(metrics, name) for name in metrics.__all__}
    classes = {n for n, v in offered.items() if isinstance(v, type) and issubclass(v, torchmetrics.Metric)}
    assert sorted(row[0] for row in rows) == sorted(classes)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert named == set(offered) - classes
    assert all(cell.strip() for row in rows for cell in row)


def test_the_code_of_the_methods_page_runs(monkeypatch):
    from camaug.explainers import registry

    monkeypatch.setattr(registry._registry, "_classes", dict(registry._registry._classes))
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    model.extend([torch.nn.Flatten(), torch.nn.Linear(8, 300)])
    names: dict[str, object] = {"model": model, "images": torch.rand(2, 3, 16, 16)}
    for block in re.findall(r"```python\n(.*?)```", METHODS, flags=re.DOTALL):
        exec(compile(block, "methods.md", "exec"), names)
        assert names["explanation"].maps.amax() == 1
    assert "strongest-channel" in registry.list_explainers()


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
)
def test_links_lead_to_files(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.fixture
def help_of(capsys, monkeypatch):
    """Return a function that runs the command line in this process and returns the help that it prints."""
    from camaug.cli import main

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["train.py", *arguments])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return run


def test_every_argument_in_the_documentation_exists(help_of):
    help_text = help_of("fit", "--data=ImageFolderDataModule", "--help")
    details = "".join(help_of("fit", f"--data.help={name}") for name in ("ImageFolderDataModule", "BoxesDataModule"))
    explaining = help_of("predict", "--help")  # without the link from the data to the number of classes
    for argument in set(re.findall(r"--((?:model|cam|augmentation|trainer|data)\.\w+)", PAGES)):
        assert f"--{argument}" in help_text + details + explaining, argument
    for argument in set(re.findall(r"--(writer\.\w+|explainer|output|ckpt_path)\b", PAGES)):
        assert f"--{argument}" in explaining, argument
    queries = (["--help"], ["--experiment.help=InsertionDeletionExperiment"])
    experimenting = "".join(help_of("experiment", *arguments) for arguments in queries)
    for argument in set(re.findall(r"--(experiment\.\w+|images)\b", PAGES)):
        assert f"--{argument}" in experimenting, argument


def test_the_page_of_recipes_is_complete_and_its_code_runs():
    from camaug.augmentation.recipes import list_recipes

    page = (ROOT / "docs/augmentation.md").read_text()
    assert set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)*)` \| ", page, flags=re.MULTILINE)) >= set(list_recipes())
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(compile(block, "augmentation.md", "exec"), {})


def test_every_path_of_the_architecture_exists():
    paths = set(PATH.findall(ARCHITECTURE))
    assert len(paths) > 50
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_ways_through_the_files_are_short():
    ways = ARCHITECTURE.split("## Four ways through the files")[1].split("## Where to add things")[0].split("### ")[1:]
    steps = {way.splitlines()[0]: re.findall(r"^\d+\. `(.+?)`:", way, flags=re.MULTILINE) for way in ways}
    assert list(steps) == ["A training batch", "A probe image", "A mistake", "A map of the saliency bank"]
    assert all(3 <= len(way) <= 8 for way in steps.values())


def test_the_floors_of_the_architecture_are_those_of_the_imports():
    from tests.test_imports import FLOORS, module_of

    floors: dict[str, set[str]] = {}
    for number, folders in re.findall(r"^\| (\d?) ?\| (.+?) \| .+ \|$", ARCHITECTURE, flags=re.MULTILINE):
        floor = number or next(reversed(floors))
        floors.setdefault(floor, set()).update(module_of(Path(path)) for path in PATH.findall(folders))
    assert [floors[str(number)] for number in range(1, len(FLOORS) + 1)] == FLOORS


def test_the_page_on_reliability_names_tests_that_exist():
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for cells in re.findall(r"^\|.*\| (`.+`) \|$", (ROOT / "docs/reliability.md").read_text(), flags=re.MULTILINE):
        for name in re.findall(r"`([\w/.…]+)`", cells):
            if name.endswith(".py"):
                assert list((ROOT / "tests").rglob(Path(name).name)), name
            else:
                assert re.search(rf"def test_{name.replace('…', chr(92) + 'w+')}\(", tests), name
