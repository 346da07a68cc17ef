"""Errors of the argument parser, in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from camaug._cli.commands import COMMANDS
from camaug._cli.refused_value import refused_value
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.program_name import program_name

__all__ = ["parser_message"]


class _Context(NamedTuple):
    """A message and what is known beside it."""

    message: str
    options: Sequence[str]

    def example(self, command: str) -> str:
        """Return an example of a command line."""
        return f"{program_name()} {command} {COMMANDS[command].example}"


def parser_message(message: str, options: Sequence[str]) -> str:
    """Return an error message of the parser in a plain sentence, or as it is if its kind is unknown.

    Args:
        message: The message of jsonargparse.
        options: The names of all options, to suggest the nearest.

    Example:
        >>> parser_message("unrecognized arguments: --cam.explaner rise", ["cam.explainer", "model.name"])
        "unknown argument '--cam.explaner', did you mean '--cam.explainer'?"
    """
    for pattern, rewrite in _RULES:
        match = re.search(pattern, message, re.DOTALL)
        if match is not None:
            return rewrite(match, _Context(message, options))
    return message


def _no_command(match: re.Match[str], context: _Context) -> str:
    return f"give a command, one of {', '.join(COMMANDS)}: {context.example('fit')}"


def _unknown_command(match: re.Match[str], context: _Context) -> str:
    return f"unknown command {match[1]!r}, {did_you_mean(match[1], COMMANDS)}expected one of {', '.join(COMMANDS)}"


def _missing(match: re.Match[str], context: _Context) -> str:
    command = match[1]
    needed = match[2].replace(f"{command}.", "").replace(", ", " and ")
    return f"{command} needs {needed}, in a file (--config FILE) or as arguments: {context.example(command)}"


def _no_file(match: re.Match[str], context: _Context) -> str:
    return f"there is no configuration file {match[1]!r}"


def _folder(match: re.Match[str], context: _Context) -> str:
    return f"--config takes a YAML file, and {match[1]} is a folder"


def _no_settings(match: re.Match[str], context: _Context) -> str:
    problem = match[1].strip().splitlines()[0]
    return f"--config takes a YAML file, or settings such as '{{model: {{lr: 0.1}}}}': {problem}"


def _before_command(match: re.Match[str], context: _Context) -> str:
    return f"the settings of {match[2]}, such as {match[1]}, come after it: {program_name()} {match[2]} --config FILE"


def _no_value(match: re.Match[str], context: _Context) -> str:
    return f"{match[1]} needs a value: {match[1]} VALUE"


def _no_class_to_help(match: re.Match[str], context: _Context) -> str:
    return refused_value(match[1], context.message)


def _unknown_key(match: re.Match[str], context: _Context) -> str:
    return f"unknown key {match[1]!r} in the configuration, {did_you_mean(match[1], context.options)}".rstrip(" ,")


def _unknown_argument(match: re.Match[str], context: _Context) -> str:
    name, known = match[1].partition("=")[0], [f"--{option}" for option in context.options]
    return f"unknown argument {name!r}, {did_you_mean(name, known)}".rstrip(" ,")


def _wrong_value(match: re.Match[str], context: _Context) -> str:
    return refused_value(match[1], context.message)


_RULES: Sequence[tuple[str, Callable[[re.Match[str], _Context], str]]] = (
    (r'expected "subcommand" to be one of', _no_command),
    (r"^argument .*invalid choice: '(.*?)' \(choose from '?fit", _unknown_command),
    (r"^the following arguments are required: (\w+)\.(.*)$", _missing),
    (r"File does not exist: '(.*?)'", _no_file),
    (r"Path is not a file: '(.*?)'", _folder),
    (r"(?:Unexpected config: |Problems parsing config: |Parser key \"config\": )(.*)", _no_settings),
    (r"^Option '(\S+)' is not accepted before subcommand '(\w+)'", _before_command),
    (r"^argument (-\S+?)(?:/\S+)?: expected one argument", _no_value),
    (r"^--([\w.]+)\.help: Expected a dot import path", _no_class_to_help),
    (r"^Subcommand '\w+' does not accept option '(.*?)'", _unknown_key),
    (r"^unrecognized arguments: (\S+)", _unknown_argument),
    (r'^Parser key "([\w.]+)":', _wrong_value),
)
