"""`CommandParser`, the parser of a command whose errors are one sentence."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.program_name import program_name

__all__ = ["CommandParser"]

_TYPO = 0.8  # similarity from which an option is a misspelt one of this command


class CommandParser(argparse.ArgumentParser):
    """Parser of one command, which names the command as it was called.

    Args:
        command: Name of the command.
        description: The first lines of its help.
        example: Arguments of the example in its help.
    """

    def __init__(self, command: str, description: str, example: str) -> None:
        super().__init__(
            prog=f"{program_name()} {command}",
            description=description,
            epilog=f"example: {program_name()} {command} {example}",
            allow_abbrev=False,
        )

    def parse_with_rest(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse the command's own options, and return them with all other arguments, which another command reads.

        An option that is misspelt is refused here, where its name is known.
        """
        options, rest = self.parse_known_args(list(arguments))
        known = [option for action in self._actions for option in action.option_strings]
        for name in (each.partition("=")[0] for each in rest):
            if name.startswith("--") and difflib.get_close_matches(name, known, cutoff=_TYPO):
                self.error(f"unrecognized arguments: {name}")
        return options, rest

    def error(self, message: str) -> NoReturn:
        """Print a sentence and where the arguments are listed, and exit with status 2."""
        sys.stderr.write(f"error: {self._sentence(message)}\n({self.prog} --help lists the arguments)\n")
        self.exit(2)

    def _sentence(self, message: str) -> str:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown is not None:
            name = unknown[1].partition("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            return f"unknown argument {name!r}, {did_you_mean(name, options)}".rstrip(" ,")
        missing = re.match(r"the following arguments are required: (.*)", message)
        if missing is not None:
            return f"{missing[1].replace(', ', ' and ')} is needed; {self.epilog}"
        return message
