"""The examples that need other projects' packages: the notebook in Jupyter's kernel, and Hugging Face's classifier."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from camaug.tensorboard.load_runs import load_runs
from tests.notebooks import NOTEBOOK, ROOT, SMALL, WITHOUT_PRETRAINED, with_parameters
from tests.pages import make_photos
from tests.processes import run_program


def test_the_classifier_of_hugging_face_trains(tmp_path):
    pytest.importorskip("transformers")
    done = run_program(ROOT / "examples/hugging_face.py", "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (series,) = load_runs(tmp_path / "lightning_logs/version_0").runs()["runs"]
    assert len(series["steps"]) == 1


@pytest.fixture
def own_tensorboard(tmp_path, monkeypatch):
    """Let the notebook start the TensorBoard of this environment, and end it if the kernel leaves it running."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))  # where TensorBoard looks for running ones, to show one of them
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    yield
    for path in folder.glob(".tensorboard-info/pid-*.info"):
        with suppress(ProcessLookupError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGTERM)


@pytest.mark.usefixtures("own_tensorboard")
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    make_photos(tmp_path)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = with_parameters(parameters.source, SMALL)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WITHOUT_PRETRAINED))
    nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {cell.id: [*cell.outputs] for cell in notebook.cells if cell.cell_type == "code"}
    for cell in ("explain", "runner-up", "compare"):
        assert any("image/png" in output.get("data", {}) for output in shown[cell]), cell
    assert any("<iframe" in output.get("data", {}).get("text/html", "") for output in shown["tensorboard"])
    (series,) = load_runs(tmp_path / "runs").runs()["runs"]
    assert len(series["steps"]) == SMALL["EPOCHS"]
