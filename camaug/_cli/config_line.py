"""Line of a configuration file that an error is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import yaml

__all__ = ["config_files", "config_line"]

_OPTIONS = ("-c", "--config")


def config_files(arguments: Sequence[str]) -> list[str]:
    """Return the configuration files of a command line that exist.

    Example:
        >>> config_files(["fit", "--config", "absent.yaml"])
        []
    """
    values = [value for option, value in pairwise(arguments) if option in _OPTIONS]
    values += [each.partition("=")[2] for each in arguments if each.partition("=")[0] in _OPTIONS]
    return [value for value in values if _is_file(value)]


def config_line(files: Sequence[str], key: str, word: str = "") -> str | None:
    """Return the file and line of a setting, such as ``/home/me/fit.yaml, line 3``.

    Args:
        files: The configuration files. Later files override earlier ones.
        key: Name of the setting, such as ``data.batch_size``. ``class_path`` and ``init_args`` are left out.
        word: A key or value inside the setting, whose line is returned if it is there.

    Returns:
        The file and line, or None if no file has the setting.
    """
    for file in reversed(files):
        for name, value in _settings(yaml.compose(Path(file).read_text(encoding="utf-8")), key.split(".")):
            inner = next((each for each in _scalars(value) if each.value == word), name)
            return f"{Path(file).absolute()}, line {inner.start_mark.line + 1}"
    return None


def _settings(node: yaml.Node | None, keys: Sequence[str]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield the key and the value of each setting with this name, inside classes and lists too."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _settings(item, keys)
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        if name.value == keys[0] and len(keys) == 1:
            yield name, value
        elif name.value == keys[0]:
            yield from _settings(value, keys[1:])
        elif name.value == "init_args":
            yield from _settings(value, keys)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
        return
    for child in node.value:
        for each in child if isinstance(child, tuple) else [child]:
            yield from _scalars(each)


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except OSError:  # settings given in place of a file, longer than a name may be
        return False
