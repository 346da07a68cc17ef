"""Reports in the terminal."""

from __future__ import annotations

import pytest

from camaug.experiments import write_report
from tests.experiments.quiet_console import quiet_console


@pytest.mark.parametrize("width", [100, 40])
def test_the_terminal_shows_every_cell_at_any_width(report, tmp_path, width):
    console = quiet_console(width)
    write_report(report, tmp_path, console=console)
    output = console.file.getvalue()
    for part in ("A title", "grad-cam", "57.9", "[54.1, 61.5]", "[not known]", "[refuses]", "a note"):
        assert part in output
