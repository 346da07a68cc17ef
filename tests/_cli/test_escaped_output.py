"""Standard output of another encoding gets escapes, and no error."""

from __future__ import annotations

import io
import sys

from camaug._cli.escaped_output import escape_missing_characters
from tests.processes import ROOT, run_program


def test_characters_that_the_encoding_lacks_are_escaped(monkeypatch):
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="cp1252"))
    escape_missing_characters()
    print("Käfer 虫", flush=True)
    assert output.getvalue().decode("cp1252").strip() == "Käfer \\u866b"


def test_other_outputs_are_left_alone(monkeypatch):
    for output in (io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")):
        monkeypatch.setattr(sys, "stdout", output)
        escape_missing_characters()
        print("虫", flush=True)
    monkeypatch.undo()


def test_the_command_line_prints_to_an_output_of_few_characters():
    code = (
        "import sys; sys.stdout.reconfigure(encoding='ascii'); from camaug.cli import main; sys.argv = ['camaug', '-h']"
    )
    done = run_program("-c", f"{code}\ntry: main()\nexcept SystemExit: print('\\u2500')", cwd=ROOT)
    assert done.stdout.strip().endswith(r"\u2500"), done.stdout
