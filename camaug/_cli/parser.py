"""Argument parser whose errors are one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from camaug._cli.commands import COMMANDS
from camaug._cli.config_line import config_files, config_line
from camaug._cli.parser_message import parser_message
from camaug.utils.program_name import program_name
from camaug.utils.read_yaml import read_yaml

__all__ = ["SentenceParser"]

_PROGRAM_OPTIONS = ("help", "version", "traceback", "config")


class SentenceParser(LightningArgumentParser):
    """Lightning's argument parser, whose errors are one sentence without pages of usage.

    Attributes:
        arguments: The command line that is parsed.
    """

    arguments: Sequence[str] = ()

    def parse_command_line(self, arguments: Sequence[str]) -> Namespace:
        """Parse the arguments, after the configuration files among them have been read once for their errors."""
        subcommands = getattr(self, "_subcommands_action", None)
        for parser in (self, *(subcommands.choices.values() if subcommands else ())):
            parser.arguments = arguments
        for file in config_files(arguments):
            self._check_file(file)
        return self.parse_args(arguments)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print a sentence and where the arguments are listed, and exit with status 2."""
        if not self.exit_on_error:  # the parser of a class, whose error becomes a part of another
            super().error(message, ex)
        command = next((each for each in self.arguments if each in COMMANDS), "")
        sentence = parser_message(message, self._option_names(command))
        sys.stderr.write(f"error: {sentence}{self._origin(sentence)}\n")
        sys.stderr.write(f"({' '.join([program_name(), command]).strip()} --help lists the arguments)\n")
        self.exit(2)

    def _check_file(self, file: str) -> None:
        try:
            read_yaml(file)
        except ValueError as error:
            self.error(str(error))

    def _option_names(self, command: str) -> list[str]:
        """Return the names of the options of a command, those of the program without one."""
        subcommands = getattr(self, "_subcommands_action", None)
        parser = subcommands.choices.get(command) if subcommands else self
        if parser is None:
            return list(_PROGRAM_OPTIONS)
        names = [action.dest for action in parser._actions if action.option_strings]
        return [name for name in names if not name.endswith("help")]

    def _origin(self, sentence: str) -> str:
        """Return the file and line of the refused setting in parentheses, nothing for one of the command line."""
        refused = re.search(r"(?:`|unknown key ')([\w.]+)", sentence)
        if refused is None:
            return ""
        word = re.search(r"(?:got |argument '|class '|name ')'?([^\s',]+)", sentence)
        key, value = refused[1], word[1] if word else ""
        if re.search(rf"--{re.escape(key)}([.=+ ]\S*)*{re.escape(value)}", " ".join(self.arguments)):
            return ""
        line = config_line(config_files(self.arguments), key, value)
        return "" if line is None else f" ({line})"
