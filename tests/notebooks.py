"""The cells of a notebook, with other values of its parameters."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples/finetune.ipynb"
SMALL = {"EPOCHS": 2, "TRAIN_IMAGES": 64, "PHOTO": "photo.jpg"}
"""Parameters with which the notebook takes seconds and downloads no photo."""
WITHOUT_PRETRAINED = """
import timm

create = timm.create_model
timm.create_model = lambda name, pretrained=False, **settings: create(name, **settings)
"""
"""Code that replaces pretrained networks of timm by random ones."""


def read_notebook(path: Path = NOTEBOOK) -> dict[str, Any]:
    """Return the JSON of a notebook."""
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell: dict[str, Any]) -> str:
    """Return the text of a cell."""
    return "".join(cell["source"])


def code_cells(notebook: dict[str, Any]) -> list[str]:
    """Return the code of a notebook, cell by cell."""
    return [source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def with_parameters(code: str, parameters: dict[str, Any]) -> str:
    """Return the code of the cell of parameters with other values.

    Raises:
        ValueError: If the cell does not assign one of the parameters, once and in a line of its own.
    """
    for name, value in parameters.items():
        code, count = re.subn(rf"^{name} = .*$", lambda _, line=f"{name} = {value!r}": line, code, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"the cell should assign {name} once, and does so {count} times:\n{code}")
    return code


def without_magics(code: str) -> str:
    """Return the code of a cell without IPython's commands, which begin with % or !."""
    return "\n".join(line for line in code.splitlines() if not line.startswith(("%", "!")))


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run the code of a cell, and return the value of its last statement, or None, as Jupyter shows it."""
    *statements, last = ast.parse(without_magics(code) or "None").body
    shown = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
    module = ast.Module(statements if shown else [*statements, last], type_ignores=[])
    exec(compile(module, NOTEBOOK.name, "exec"), names)
    return eval(compile(shown, NOTEBOOK.name, "eval"), names) if shown else None
