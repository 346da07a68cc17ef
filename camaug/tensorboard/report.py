"""A whole run as one HTML file: the tab's front end with the data in it."""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from tensorboard.backend.event_processing import io_wrapper
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from camaug.tensorboard.blobs import PLUGIN
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.source import NotLoggedError, Series, Source
from camaug.tensorboard.static_files import static_file, static_names
from camaug.utils.atomic_write import write_atomically

__all__ = ["main", "make_report", "report_data"]

ENTRY = 'import { render } from "camaug/index.js";\nrender();'
SIBLING = re.compile(r"""\b(from|import)\s*(["'])\./([\w.-]+\.js)\2""")


def main(arguments: Sequence[str]) -> Path:
    """The command ``report``.

    Args:
        arguments: Those after it.

    Returns:
        The file that was written.
    """
    parser = argparse.ArgumentParser(
        prog="camaug report",
        description="Make one HTML file of all that the camaug tab shows of a run. It needs neither TensorBoard nor a "
        "network.",
    )
    parser.add_argument("run", type=Path, help="folder of a run, of several runs, or an event file")
    parser.add_argument("--output", type=Path, help="the file; by default camaug.html in the run's folder")
    given = parser.parse_args(list(arguments))
    folder = given.run if given.run.is_dir() else given.run.parent
    output: Path = given.output or folder / "camaug.html"
    try:
        page = make_report(given.run)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, page)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    console = Console()
    console.print(f"report: {output} ({len(page) / 1e6:.2f} MB)", markup=False, highlight=False, soft_wrap=True)
    return output


def make_report(run: Path) -> bytes:
    """One self-contained page of a run.

    Args:
        run: The folder of a run or of several, or an event file.

    Returns:
        The page, HTML in UTF-8.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If nothing of ``CamLogger``'s is in it.
    """
    return _page(report_data(Source(MultiplexerReader(_loaded(run)))))


def report_data(source: Source) -> dict[str, Any]:
    """All that a source answers, by what is asked: what the front end reads in place of a server.

    Args:
        source: Where it is from.

    Returns:
        ``runs`` as :meth:`Source.runs` has it; ``looks`` and ``maps`` by ``run|prefix|method``, and ``originals``,
        data URLs by ``run|prefix|probe``.
    """
    data: dict[str, Any] = {**source.runs(), "looks": {}, "maps": {}, "originals": {}}
    for entry in data["runs"]:
        series = Series(entry["run"], entry["prefix"], entry["method"])
        snapshots = source.snapshots(series)
        data["looks"]["|".join(series)] = snapshots
        probes = [str(each["id"]) for each in snapshots["probes"]]
        data["maps"]["|".join(series)] = source.maps(series, probes)
        for probe in probes:
            where = (series.run, series.prefix, probe)
            data["originals"]["|".join(where)] = _original(source, *where)
    return data


def _original(source: Source, run: str, prefix: str, probe: str) -> str | None:
    try:
        return _data_url("image/jpeg", source.original(run, prefix, probe))
    except NotLoggedError:  # the run was killed while it began
        return None


def _loaded(run: Path) -> EventMultiplexer:
    if not run.exists():
        raise FileNotFoundError(f"there is no {run}: give the folder of a run, such as runs/demo/version_0")
    multiplexer = EventMultiplexer(size_guidance={"tensors": 1}, tensor_size_guidance={PLUGIN: 0})
    for path in map(Path, io_wrapper.GetLogdirSubdirectories(str(run))) if run.is_dir() else [run]:
        name = Path(*run.resolve().parts[-2:], path.relative_to(run))
        multiplexer.AddRun(str(path), name.as_posix())
    multiplexer.Reload()
    if not MultiplexerReader(multiplexer).tags():
        raise ValueError(
            f"{run} has nothing for the camaug tab: give the folder of a run that was trained with CamLogger and a "
            "TensorBoardLogger"
        )
    return multiplexer


def _page(data: Mapping[str, Any]) -> bytes:
    modules = {name: static_file(name).decode() for name in static_names() if name.endswith(".js")}
    imports = {f"camaug/{name}": _data_url("text/javascript", _bare(code).encode()) for name, code in modules.items()}
    scripts = [json.dumps({"imports": imports}), ENTRY]
    # A page from the disk may ask for nothing, and run nothing but these: whatever stands in a class's name is text.
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src data: {' '.join(map(_hash, scripts))}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<title>camaug</title>
<script type="importmap">{scripts[0]}</script>
<script type="application/json" id="camaug-data">{_inline(data)}</script>
</head>
<body>
<noscript>The report is drawn by a script in this file: allow scripts to look at it.</noscript>
<script type="module">{scripts[1]}</script>
</body>
</html>
""".encode()


def _bare(code: str) -> str:
    """A module that imports its siblings by names that the page's import map knows.

    Example:
        >>> _bare('import { a } from "./data.js";')
        'import { a } from "camaug/data.js";'
    """
    return SIBLING.sub(r"\1 \2camaug/\3\2", code)


def _inline(data: Mapping[str, Any]) -> str:
    r"""Data as JSON that cannot end the element that it stands in.

    Example:
        >>> _inline({"class": "</script>"})
        '{"class":"\\u003c/script>"}'
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
