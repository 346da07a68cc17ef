"""Argument parser whose errors are one sentence."""

from __future__ import annotations

import sys
from typing import NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from camaug._cli.parser_message import parser_message

__all__ = ["SentenceParser"]


class SentenceParser(LightningArgumentParser):
    """Lightning's argument parser, whose errors are one sentence without pages of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print a sentence and where the arguments are listed, and exit with status 2."""
        if not self.exit_on_error:  # the parser of a class, whose error becomes a part of another
            super().error(message, ex)
        command = (getattr(ex, "subcommand_parser", None) or self).prog
        sentence = parser_message(message, self._option_names())
        sys.stderr.write(f"error: {sentence}\n({command} --help lists the arguments)\n")
        self.exit(2)

    def _option_names(self) -> list[str]:
        """Return the names of all options, those of the subcommands without its name."""
        subcommands = getattr(self, "_subcommands_action", None)
        parsers = [self, *(subcommands.choices.values() if subcommands else ())]
        names = [action.dest for parser in parsers for action in parser._actions if action.option_strings]
        return [name for name in names if not name.endswith("help")]
