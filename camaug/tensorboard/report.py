"""Stand-alone HTML report of a run: the tab's front end with the data inlined."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from camaug.tensorboard.data_source import DataSource, NotLoggedError, Series
from camaug.tensorboard.load_runs import folder_of_run, load_runs
from camaug.tensorboard.static_files import static_file, static_names
from camaug.utils.atomic_write import write_atomically
from camaug.utils.check_folder import check_folder
from camaug.utils.command_parser import CommandParser
from camaug.utils.progress import with_progress

__all__ = ["main", "make_report", "report_data"]

ENTRY = 'import { render } from "camaug/index.js";\nrender();'
SIBLING = re.compile(r"""\b(from|import)\s*(["'])\./([\w.-]+\.js)\2""")


def main(arguments: Sequence[str]) -> Path:
    """Run the command ``camaug report``.

    Args:
        arguments: Command-line arguments after ``report``.

    Returns:
        Path of the report.
    """
    parser = CommandParser(
        "report",
        "Write everything that the camaug tab shows of a run to one HTML file, which opens without TensorBoard and "
        "without a network.",
        "runs/camaug/version_0",
    )
    parser.add_argument("run", help="folder of one or several runs, or an event file; also an address, s3://BUCKET/RUN")
    by_default = "by default camaug.html in the run's folder, and in the current one if the run is in remote storage"
    parser.add_argument("--output", type=Path, help=f"output file; {by_default}")
    options = parser.parse_args(list(arguments))
    output: Path = options.output or folder_of_run(options.run) / "camaug.html"
    try:
        check_folder(output.parent, "reports")
        page = make_report(options.run)
        write_atomically(output, page)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    console = Console()
    console.print(f"report: {output} ({len(page) / 1e6:.2f} MB)", markup=False, highlight=False, soft_wrap=True)
    return output


def make_report(run: str | Path) -> bytes:
    """Render a run as one self-contained HTML page.

    Args:
        run: Folder of one or several runs, or an event file; a path, or an address that TensorBoard can read, such as
            ``s3://bucket/runs/version_0``.

    Returns:
        HTML in UTF-8.

    Raises:
        FileNotFoundError: If the folder or file does not exist.
        ValueError: If it has no data of ``CamLogger``, or the address cannot be read.
    """
    return _html_page(report_data(load_runs(run)))


def report_data(source: DataSource) -> dict[str, Any]:
    """Return every response of the data source, keyed by request.

    Args:
        source: Data source of the runs.

    Returns:
        ``runs`` as in :meth:`DataSource.runs`; ``snapshots`` and ``maps``, keyed by ``run|prefix|method``; and
        ``originals``, data URLs keyed by ``run|prefix|probe``; ``mistakes`` and ``mistake_maps``, keyed by
        ``run|prefix|method|step``, and ``mistake_originals``, keyed by ``run|prefix|method|step|slot``.
    """
    data: dict[str, Any] = {**source.runs(), "snapshots": {}, "maps": {}, "originals": {}}
    data |= {"mistakes": {}, "mistake_maps": {}, "mistake_originals": {}}
    for entry in with_progress(data["runs"], "reading runs"):
        series = Series(entry["run"], entry["prefix"], entry["method"])
        key = "|".join(series)
        data["snapshots"][key] = source.snapshots(series)
        probes = [str(probe["id"]) for probe in data["snapshots"][key]["probes"]]
        data["maps"][key] = source.maps(series, probes)
        for probe in probes:
            original_key = "|".join((series.run, series.prefix, probe))
            data["originals"][original_key] = _original_url(source, series, probe)
        for step in entry["mistake_steps"]:
            _add_mistakes(data, source, series, step)
    return data


def _add_mistakes(data: dict[str, Any], source: DataSource, series: Series, step: int) -> None:
    key = "|".join((*series, str(step)))
    record = source.mistakes(series, step)
    data["mistakes"][key] = record
    data["mistake_maps"][key] = source.mistake_maps(series, step)
    for slot, image in enumerate(record["images"]):
        if image["original"] == [step, slot]:
            url = _data_url("image/jpeg", source.mistake_original(series, step, slot))
            data["mistake_originals"][f"{key}|{slot}"] = url


def _original_url(source: DataSource, series: Series, probe: str) -> str | None:
    try:
        return _data_url("image/jpeg", source.original(series.run, series.prefix, probe))
    except NotLoggedError:  # the run was killed while it wrote its first snapshot
        return None


def _html_page(data: Mapping[str, Any]) -> bytes:
    modules = {name: static_file(name).decode() for name in static_names() if name.endswith(".js")}
    imports = {
        f"camaug/{name}": _data_url("text/javascript", _rename_imports(code).encode()) for name, code in modules.items()
    }
    scripts = [json.dumps({"imports": imports}), ENTRY]
    # The page makes no requests and runs only its own scripts, whatever a class name contains.
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src data: {' '.join(map(_csp_hash, scripts))}",
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
<script type="application/json" id="camaug-data">{_inline_json(data)}</script>
</head>
<body>
<noscript>This report needs JavaScript.</noscript>
<script type="module">{scripts[1]}</script>
</body>
</html>
""".encode()


def _rename_imports(code: str) -> str:
    """Replace a module's relative imports by the names in the page's import map.

    Example:
        >>> _rename_imports('import { a } from "./data.js";')
        'import { a } from "camaug/data.js";'
    """
    return SIBLING.sub(r"\1 \2camaug/\3\2", code)


def _inline_json(data: Mapping[str, Any]) -> str:
    r"""Encode data as JSON that cannot close its script element.

    Example:
        >>> _inline_json({"class": "</script>"})
        '{"class":"\\u003c/script>"}'
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _csp_hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
