"""The examples: every script trains, and the notebook's code runs without Jupyter.

``tests/ecosystem/test_examples.py`` runs the notebook itself, and the script that needs another project's package.
"""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import timm
from PIL import Image

from camaug.tensorboard.load_runs import load_runs
from tests.notebooks import NOTEBOOK, ROOT, SMALL, code_cells, read_notebook, run_cell, source, with_parameters
from tests.pages import make_photos
from tests.processes import run_program

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))
LONGEST = 80  # lines of a script, which one reads at a glance


@pytest.mark.parametrize("script", ["plain.py", "multi_label.py"])
def test_a_script_trains_and_names_the_command_that_shows_its_run(script, tmp_path):
    done = run_program(EXAMPLES / script, "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (run,) = re.findall(r"^look at the heatmaps with: camaug tensorboard (.+)$", done.stdout, flags=re.MULTILINE)
    (series,) = load_runs(run).runs()["runs"]
    assert len(series["steps"]) == 1


def test_a_script_trains_on_photos(tmp_path):
    photos = make_photos(tmp_path)
    done = run_program(EXAMPLES / "plain.py", "--epochs", "1", "--data", photos, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "accuracy on the validation images" in done.stdout


def test_every_file_is_in_the_table():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[`([\w.]+)`\]\(\1\) \|", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted([*SCRIPTS, NOTEBOOK.name])


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_short(script):
    assert len((EXAMPLES / script).read_text(encoding="utf-8").splitlines()) <= LONGEST


# The notebook


def test_the_notebook_is_stored_without_results():
    cells = [cell for cell in read_notebook()["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_the_code_of_the_notebook_runs_without_jupyter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path)
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained=False, **settings: create(name, **settings))
    parameters, *cells = code_cells(read_notebook())
    names: dict[str, Any] = {}
    shown = [run_cell(code, names) for code in [with_parameters(parameters, SMALL), *cells]]
    images = [Image.open(io.BytesIO(each._repr_png_())).size for each in shown if each is not None]
    assert len(images) == 3  # the photo, the photo for its second class, and both epochs
    assert names["explained"].map.shape == (224, 224)
    (series,) = load_runs(names["trainer"].log_dir).runs()["runs"]
    assert len(series["steps"]) == SMALL["EPOCHS"]
    width, height = images[-1]
    assert height > width  # four images below each other, and two epochs beside each


def test_the_notebook_opens_the_folder_that_it_logs_to():
    code = "\n".join(code_cells(read_notebook()))
    assert re.search(r'TensorBoardLogger\("(\w+)"', code)[1] == re.search(r"%tensorboard --logdir (\w+)", code)[1]


def test_the_links_of_the_notebook_lead_to_files():
    text = "\n".join(source(cell) for cell in read_notebook()["cells"] if cell["cell_type"] == "markdown")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert len(targets) >= 5
    assert [target for target in targets if not (EXAMPLES / target).exists()] == []


def test_parameters_that_the_notebook_lacks_are_found():
    with pytest.raises(ValueError, match="should assign STEPS once, and does so 0 times"):
        with_parameters("EPOCHS = 7  # comment", {"EPOCHS": 2, "STEPS": 3})
