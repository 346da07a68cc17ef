"""Settings of a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

__all__ = ["read_yaml"]

_MERGE = "tag:yaml.org,2002:merge"  # `<<`, which may come several times


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the settings of a YAML file, an empty dict for an empty file.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder, no text, not valid YAML, sets a name twice, or holds something other than names
            with values.
    """
    whole = Path(path).expanduser().absolute()
    if whole.is_dir():
        raise ValueError(f"{whole} is a folder, not a configuration file")
    if not whole.exists():
        raise FileNotFoundError(f"there is no configuration file {str(whole)!r}")
    try:
        settings = yaml.load(whole.read_text(encoding="utf-8"), _UniqueNames)
    except UnicodeDecodeError:
        raise ValueError(f"the configuration {whole} is not text in UTF-8: give a YAML file") from None
    except yaml.YAMLError as error:
        raise ValueError(f"the configuration {whole} is not valid YAML{_place(error)}: {_problem(error)}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # PyYAML's own of values that are not what they are tagged as, and of lists that are nested too deeply.
        raise ValueError(f"the configuration {whole} is not valid YAML: {type(error).__name__}, {error}") from None
    if settings is not None and not isinstance(settings, dict):
        kind = "a list" if isinstance(settings, list) else f"the text {str(settings)[:40]!r}"
        raise ValueError(f"the configuration {whole} must hold `name: value` pairs, got {kind}")
    return settings or {}


class _UniqueNames(yaml.SafeLoader):
    """Loader that refuses a name that is set twice, of which YAML's other loaders take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the values by their names.

        Raises:
            yaml.constructor.ConstructorError: If a name is set twice.
        """
        lines: dict[Any, int] = {}
        for name in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if name.value in lines and name.tag != _MERGE:
                problem = f"{name.value!r} is set twice, in line {lines[name.value] + 1} too: remove one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, name.start_mark)
            lines[name.value] = name.start_mark.line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__)
