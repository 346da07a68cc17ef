"""Build of the documentation site: ``make docs``, or ``python docs/site/build.py [FOLDER]``, by default ``build/site``.

The pages are Markdown for any reader, and link to files of the repository. Sphinx reads copies, in which such a link
leads to a page that the site has of the file, in the folder ``repository``. A notebook becomes a page of its text and
its code. A warning fails the build.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

sys.path.insert(0, str(Path(__file__).parent))

from reference import reference_pages

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)#\s]+)((?:#[^)\s]*)?)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)
PAGES = (".md", ".ipynb")  # files whose text is Markdown; the others are shown as code
ORPHAN = "---\norphan: true\n---\n\n"  # outside the navigation
LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml"}

REFERENCE_WITHOUT_SITE = (
    "The reference of every class, function and command is in the site that `make docs` builds from these pages.\n"
)
"""Sentence of the first page in whose place the site has links to the reference."""

NAVIGATION = {
    "Start": ["tutorial", "command_line", "python"],
    "How to": [
        "how_to/own_module",
        "how_to/hugging_face",
        "how_to/multi_label",
        "how_to/grey_images",
        "how_to/slurm",
        "how_to/wrong_heatmaps",
    ],
    "Methods": ["methods", "gallery", "layers"],
    "Guides": [
        "tab",
        "loggers",
        "augmentation",
        "metrics",
        "data",
        "experiments",
        "distributed",
        "speed",
        "compatibility",
    ],
    "Background": ["group_cam", "evidence", "results", "reliability", "architecture", "versioning"],
    "Reference": [],
    "Project": [
        "repository/CHANGELOG",
        "repository/CONTRIBUTING",
        "repository/SECURITY",
        "repository/benchmarks/README",
    ],
}
"""Pages by the captions of the navigation. Those of the reference are added."""


def main(output: Path) -> int:
    """Build the site into a folder, and return Sphinx's exit status."""
    source = output.with_name(f"{output.name}_source")
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(output, ignore_errors=True)
    for path, content in pages().items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(content, encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "images", source / "images")
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--conf-dir", str(Path(__file__).parent)]
    return int(sphinx([*options, "--doctree-dir", str(source / ".doctrees"), str(source), str(output)]))


def pages() -> dict[str, str]:
    """Return the text of every page by its path in the site's source."""
    texts = repository_texts()
    site = {site_path(path): page(path, text) for path, text in texts.items()}
    reference = reference_pages()
    site |= {f"reference/{name}.rst": text for name, text in reference.items()}
    navigation = NAVIGATION | {"Reference": [f"reference/{name}" for name in reference]}
    links = ", ".join(f"[](reference/{name})" for name in reference)
    site["index.md"] = replace_once(site["index.md"], REFERENCE_WITHOUT_SITE, f"Reference: {links}.\n")
    site["index.md"] += "".join(toctree(caption, names) for caption, names in navigation.items())
    return site


def replace_once(text: str, old: str, new: str) -> str:
    """Replace a part of a text, which has it once.

    Raises:
        ValueError: If the text has it not at all or more than once.
    """
    if text.count(old) != 1:
        raise ValueError(f"docs/index.md should have {old!r} once, and has it {text.count(old)} times")
    return text.replace(old, new)


def repository_texts() -> dict[str, str]:
    """Return the pages of ``docs/`` and every other file that they or the linked pages lead to, by path."""
    waiting = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    waiting += [f"{name.removeprefix('repository/')}.md" for name in NAVIGATION["Project"]]
    texts: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        if path not in texts:
            text = (ROOT / path).read_text(encoding="utf-8")
            texts[path] = notebook_page(text) if path.endswith(".ipynb") else text
            waiting += linked_files(path, texts[path])
    return texts


def linked_files(path: str, text: str) -> list[str]:
    """Return the paths of the text files that a page leads to; none for a file that is no page."""
    if not path.endswith(PAGES):
        return []
    targets = [repository_path(path, target) for target, _ in LINK.findall(CODE_BLOCK.sub("", text))]
    return [target for target in targets if (ROOT / target).is_file() and not target.startswith("docs/images/")]


def page(path: str, text: str) -> str:
    """Return the page of a file: Markdown with links into the site, anything else as a block of code."""
    if not path.endswith(PAGES):
        return f"{ORPHAN}# `{path}`\n\n````{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}````\n"
    listed = path.startswith("docs/") or site_path(path).removesuffix(".md") in NAVIGATION["Project"]
    return ("" if listed else ORPHAN) + LINK.sub(lambda match: rewrite(path, match), text)


def notebook_page(text: str) -> str:
    """Return the cells of a notebook as Markdown, its code in blocks."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    parts = [source if kind == "markdown" else f"```{code_language(source)}\n{source}\n```" for kind, source in cells]
    return "\n\n".join(parts) + "\n"


def code_language(source: str) -> str:
    """Return the language by which a cell is highlighted: none if it has commands of IPython."""
    return "text" if re.search(r"^[%!]", source, flags=re.MULTILINE) else "python"


def rewrite(path: str, match: re.Match[str]) -> str:
    """Return a link of a page as it is in the site; a link to a folder becomes plain text."""
    target = repository_path(path, match[1])
    if not (ROOT / target).is_file():
        return "]" if (ROOT / target).is_dir() else match[0]
    here = posixpath.dirname(site_path(path)) or "."
    return f"]({posixpath.relpath(site_path(target), here)}{match[2]})"


def repository_path(page: str, target: str) -> str:
    """Return the path in the repository of a link's target."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def site_path(path: str) -> str:
    """Return the path in the site's source of a file of the repository."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def toctree(caption: str, names: list[str]) -> str:
    """Write a part of the navigation."""
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()))
