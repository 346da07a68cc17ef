"""The report is the tab's front end with the data in it, and asks for nothing else."""

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
    """The contents of the page's script elements, by their attributes; as a browser ends them."""
    return dict(re.findall(r"<script([^>]*)>(.*?)</script", page, flags=re.DOTALL))


def data_of(page: str):
    return json.loads(scripts(page)[' type="application/json" id="camaug-data"'])


def test_it_holds_what_the_server_would_answer(run, tmp_path, serve):
    data = data_of(make_report(run).decode())
    tab = serve(tmp_path)
    assert data["runs"] == tab.ask("runs")["runs"]
    assert [entry["method"] for entry in data["runs"]] == ["group-cam", "grad-cam"]
    for entry in data["runs"]:
        asked = {name: entry[name] for name in ("run", "prefix", "method")}
        key = "|".join(asked.values())
        assert data["looks"][key] == tab.ask("looks", **asked)
        for probe in data["looks"][key]["probes"]:
            of_one = tab.ask("maps", **asked, probe=probe["id"])["maps"]
            assert of_one == {name: data["maps"][key]["maps"][name] for name in of_one}
            url = data["originals"][f"{entry['run']}|{entry['prefix']}|{probe['id']}"]
            served = tab.get("original", run=entry["run"], prefix=entry["prefix"], probe=probe["id"]).data
            assert base64.b64decode(url.removeprefix("data:image/jpeg;base64,")) == served


def test_hostile_names_end_nothing(run):
    page = make_report(run).decode()
    found = scripts(page)
    assert len(found) == 3
    assert HOSTILE not in page
    assert data_of(page)["looks"]["demo/version_0|cam|group-cam"]["classes"] == [HOSTILE] * 3


def test_nothing_runs_but_its_own_scripts_and_nothing_is_asked_for(run):
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


def test_modules_find_their_siblings_in_the_page(run, tmp_path, monkeypatch):
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


def test_every_module_of_the_front_end_is_in_the_page(run):
    imports = json.loads(scripts(make_report(run).decode())[' type="importmap"'])["imports"]
    assert set(imports) == {f"camaug/{name}" for name in static_files.static_names() if name.endswith(".js")}
    for name in imports:
        code = static_files.static_file(name.removeprefix("camaug/")).decode()
        assert all(f"camaug/{sibling}" in imports for _, _, sibling in report.SIBLING.findall(code))


def test_the_command_writes_it_beside_the_run(run, tmp_path, capsys):
    assert main(["report", str(run)]) == run / "camaug.html"
    assert data_of((run / "camaug.html").read_text())["runs"]
    assert "camaug.html" in capsys.readouterr().out
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "new" / "all.html")]).is_file()


def test_one_event_file_is_enough(run):
    (file,) = run.glob("*.2")
    data = data_of(make_report(file).decode())
    assert [entry["method"] for entry in data["runs"]] == ["grad-cam"]


def test_a_run_without_heatmaps_says_what_to_do(tmp_path, capsys):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0, 0)
    with pytest.raises(
        ValueError, match="has nothing for the camaug tab: give the folder of a run that was trained with"
    ):
        make_report(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="give the folder of a run, such as runs/demo/version_0"):
        make_report(tmp_path / "nowhere")
    with pytest.raises(SystemExit, match="2"):
        main(["report", str(tmp_path / "run")])
    assert "has nothing for the camaug tab" in capsys.readouterr().err
    assert not (tmp_path / "run" / "camaug.html").exists()
