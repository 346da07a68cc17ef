"""Docstrings' first lines and the words of the sources, by the rules of CONTRIBUTING.md.

``python tests/test_language.py [FOLDER...]`` prints every offence, folder by folder.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("camaug", "callbacks", "datamodules", "benchmarks", "examples", "tests")

QUESTIONS = {"how", "what", "when", "where", "whether", "which", "who", "whose", "why"}
NOT_VERBS = set(
    re.findall(
        r"\w+",
        """a after all an and another any as at before behind beside between both but by during each either every few
        for from here if in it its many more most neither new no none not nothing of on one only or other random same
        since some such than that the their then there these they this those three to two until
        while with within without
        area bytes channel classes dataset exposure gradient height image intersection layer logits loss
        noise pixel tensor value width""",
    )
)
THIRD_PERSON = set(
    re.findall(
        r"\w+",
        """adds asks augments begins brings builds calls carries changes chooses clears compares computes creates cuts
        decides describes does draws drops evaluates explains fills finds forgets gives goes has hides holds is keeps
        knows learns leaves lets likes loads makes needs offers opens picks prints pulls puts raises reads
        refuses removes repeats replaces restores returns says sees selects sends sorts stands stays stops takes tells
        trains tries turns uses waits wants watches works wraps writes yields""",
    )
)
VERBS_THAT_END_LIKE_OTHER_FORMS = {"bring", "embed", "feed", "focus", "need", "proceed", "seed", "shed"}
WORDS = set(
    re.findall(
        r"\w+",
        """anew answer answers heard heaviest kin lest likewise nobody picture pictured pictures said sight twin twins
        whither""",
    )
)
PHRASES = (
    r"\basked\b(?! for)",
    r"behind each batch",
    r"\b(?:flat|blank) maps?\b",
    r"\ba training(?=[.,;:)]| (?:that|which|of|is|was|ended)\b)",
)
ALLOWED: set[tuple[str, str]] = set()
"""Files and the words that they may hold all the same."""


def sources(folder: str = "") -> list[Path]:
    """Return the modules of the packages, the benchmarks and the tests, or those below one folder."""
    paths = [path for root in FOLDERS for path in sorted((ROOT / root).rglob("*.py")) if path != Path(__file__)]
    return [path for path in paths if f"{path.relative_to(ROOT).as_posix()}/".startswith(folder)]


def offences(path: Path) -> Iterator[str]:
    """Yield each offence of a source: the number of the line, the broken rule and the text."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            line = (ast.get_docstring(node) or "").partition("\n")[0]
            rules = broken_rules(node, line) if line else []
            yield from (f"{getattr(node, 'lineno', 1)}: {rule}: {line}" for rule in rules)
    file = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(text.lower().splitlines(), start=1):
        words = {word for word in re.findall(r"[a-z]+", line) if word in WORDS and (file, word) not in ALLOWED}
        phrases = [match.group() for phrase in PHRASES for match in re.finditer(phrase, line)]
        yield from (f"{number}: not {word!r}: {line.strip()}" for word in [*sorted(words), *phrases])


def broken_rules(node: ast.AST, line: str) -> list[str]:
    """Return the rules that a docstring's first line breaks."""
    word = re.split(r"[^\w'-]", line.lower(), maxsplit=1)[0]
    broken = ["no semicolon in a first line"] if ";" in line else []
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if word in QUESTIONS | THIRD_PERSON:
            broken.append("a class or module is a noun phrase")
    elif is_property(node):
        if word in QUESTIONS:
            broken.append("a property is a noun phrase or an imperative")
    elif not is_imperative(word) and not node.name.startswith("test_"):  # a test may describe its case
        broken.append("a function's first word is an imperative verb")
    return broken


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return True if the method is read like an attribute."""
    return any(ast.unparse(each).endswith("property") for each in node.decorator_list)


def is_imperative(word: str) -> bool:
    """Return True unless the word is known not to be a verb, or ends as only other forms of verbs and plurals do."""
    ends = word.endswith(("ed", "ing")) or (word.endswith("s") and not word.endswith("ss"))
    is_other = word in NOT_VERBS | QUESTIONS or (ends and word not in VERBS_THAT_END_LIKE_OTHER_FORMS)
    return word.isalpha() and not is_other


@pytest.mark.parametrize("folder", FOLDERS)
def test_sources_keep_the_language(folder):
    found = [f"{path.relative_to(ROOT)}:{each}" for path in sources(folder) for each in offences(path)]
    assert not found, "\n".join(["", *found])


def report(folders: list[str]) -> None:
    """Print the offences of the modules below the folders, counted per folder."""
    by_folder: dict[Path, list[str]] = {}
    for path in (path for folder in folders or [""] for path in sources(folder)):
        by_folder.setdefault(path.relative_to(ROOT).parent, []).extend(f"{path.name}:{each}" for each in offences(path))
    for folder, found in by_folder.items():
        print(f"{folder}/: {len(found)}", *(found if folders else []), sep="\n    ")


if __name__ == "__main__":
    report(sys.argv[1:])
