"""Page of the reference on the command line: each command with its summary, an example and its help."""

from __future__ import annotations

import contextlib
import io
import sys
import textwrap
from unittest import mock

from camaug._cli.commands import COMMANDS, Command

__all__ = ["commands_page"]

INTRODUCTION = """Commands
========

After installation the program is ``camaug``; in a checkout ``python train.py`` is the same. With ``--traceback`` every
command shows the traceback of an error.
"""


def commands_page() -> str:
    """Return the reStructuredText of the page."""
    return INTRODUCTION + "".join(f"\n{section(name, command)}" for name, command in COMMANDS.items())


def section(name: str, command: Command) -> str:
    """Write the section of a command: its help, or an example where the help fills many pages."""
    sentence = f"To {command.summary}{'' if command.summary.endswith('?') else '.'}"
    start = f"{name}\n{'-' * len(name)}\n\n{sentence}\n\n"
    if command.run is not None:
        return start + literal(help_of(name))
    return f"{start}{literal(f'camaug {name} {command.example}')}\n``camaug {name} --help`` lists the arguments.\n"


def literal(text: str) -> str:
    """Write a block of literal text."""
    return f".. code-block:: none\n\n{textwrap.indent(text.strip(), '   ')}\n"


def help_of(name: str) -> str:
    """Return the text that a command prints with ``--help``, as of the installed program on 88 columns."""
    run = COMMANDS[name].run
    assert run is not None
    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["camaug"]),
        mock.patch.dict("os.environ", COLUMNS="88"),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        run(["--help"])
    return printed.getvalue()
