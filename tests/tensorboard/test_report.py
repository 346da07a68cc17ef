"""The report is the tab's front end with the data inlined, and makes no requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from torch.utils.tensorboard import SummaryWriter

from camaug.cli import main
from camaug.tensorboard import report, static_files
from camaug.tensorboard.report import make_report
from tests.tensorboard.conftest import make_snapshot, write_run

HOSTILE = "</script><script>alert(1)</script><!--"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "demo" / "version_0"
    write_run(folder, [make_snapshot(epoch) for epoch in range(3)], classes=[HOSTILE] * 3)
    write_run(folder, [make_snapshot(9, probes=2)], method="grad-cam", prefix="grad-cam", suffix=".2")
    return folder


def scripts(page: str) -> dict[str, str]:
    """Return the content of each script element by its attributes, ended where a browser ends it."""
    return dict(re.findall(r"<script([^>]*)>(.*?)</script", page, flags=re.DOTALL))


def data_of(page: str):
    return json.loads(scripts(page)[' type="application/json" id="camaug-data"'])


def test_the_report_contains_the_responses_of_the_server(run, tmp_path, serve):
    data = data_of(make_report(run).decode())
    tab = serve(tmp_path)
    assert data["runs"] == tab.fetch("runs")["runs"]
    assert [entry["method"] for entry in data["runs"]] == ["group-cam", "grad-cam"]
    for entry in data["runs"]:
        series = {name: entry[name] for name in ("run", "prefix", "method")}
        key = "|".join(series.values())
        assert data["snapshots"][key] == tab.fetch("snapshots", **series)
        for probe in data["snapshots"][key]["probes"]:
            maps_of_image = tab.fetch("maps", **series, probe=probe["id"])["maps"]
            assert maps_of_image == {name: data["maps"][key]["maps"][name] for name in maps_of_image}
            url = data["originals"][f"{entry['run']}|{entry['prefix']}|{probe['id']}"]
            served = tab.get("original", run=entry["run"], prefix=entry["prefix"], probe=probe["id"]).data
            assert base64.b64decode(url.removeprefix("data:image/jpeg;base64,")) == served


def test_hostile_names_do_not_close_the_script(run):
    page = make_report(run).decode()
    found = scripts(page)
    assert len(found) == 3
    assert HOSTILE not in page
    assert data_of(page)["snapshots"]["demo/version_0|cam|group-cam"]["classes"] == [HOSTILE] * 3


def test_the_policy_allows_only_its_own_scripts_and_no_requests(run):
    page = make_report(run).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    found = scripts(page)
    expected = {
        f"'sha256-{base64.b64encode(hashlib.sha256(found[kind].encode()).digest()).decode()}'"
        for kind in (' type="importmap"', ' type="module"')
    }
    assert rules["default-src"] == "'none'"
    assert set(rules["script-src"].split()) == {"data:", *expected}
    assert "unsafe" not in rules["script-src"]
    assert "connect-src" not in rules  # none, by default
    ours = page.replace(found[' type="application/json" id="camaug-data"'], "")
    assert not re.search(r"(?:src|href|url)\s*[=(]", ours.partition('type="importmap"')[0])
    assert not re.search(r"(?:src|href)=|https?:", ours)


def test_relative_imports_are_renamed(run, tmp_path, monkeypatch):
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.js").write_text(
        'import {\n  a,\n} from "./a.js";\nimport "./b-c.js";\nexport { a } from \'./a.js\';\n'
    )
    (static / "a.js").write_text('export const a = "./a.js";\n')
    (static / "b-c.js").write_text("")
    (static / "index.html").write_text("")
    monkeypatch.setattr(static_files, "FOLDER", static)
    imports = json.loads(scripts(make_report(run).decode())[' type="importmap"'])["imports"]
    code = {name: base64.b64decode(url.partition(",")[2]).decode() for name, url in imports.items()}
    assert code == {
        "camaug/index.js": 'import {\n  a,\n} from "camaug/a.js";\nimport "camaug/b-c.js";\n'
        "export { a } from 'camaug/a.js';\n",
        "camaug/a.js": 'export const a = "./a.js";\n',
        "camaug/b-c.js": "",
    }


def test_every_module_is_in_the_import_map(run):
    imports = json.loads(scripts(make_report(run).decode())[' type="importmap"'])["imports"]
    assert set(imports) == {f"camaug/{name}" for name in static_files.static_names() if name.endswith(".js")}
    for name in imports:
        code = static_files.static_file(name.removeprefix("camaug/")).decode()
        assert all(f"camaug/{sibling}" in imports for _, _, sibling in report.SIBLING.findall(code))


def test_the_command_writes_the_report_into_the_run(run, tmp_path, capsys):
    assert main(["report", str(run)]) == run / "camaug.html"
    assert data_of((run / "camaug.html").read_text())["runs"]
    assert "camaug.html" in capsys.readouterr().out
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "new" / "all.html")]).is_file()


def test_a_run_without_heatmaps_is_an_error_with_a_remedy(tmp_path, capsys):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0, 0)
    with pytest.raises(SystemExit, match="2"):
        main(["report", str(tmp_path / "run")])
    assert "has no data of the camaug tab" in capsys.readouterr().err
    assert not (tmp_path / "run" / "camaug.html").exists()
