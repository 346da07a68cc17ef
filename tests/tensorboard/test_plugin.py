"""What the server of the tab answers, asked through TensorBoard's own application."""

from __future__ import annotations

import argparse
import base64
import io
import json
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import entry_points

import pytest
import torch
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from camaug.functional.masks import upsample
from camaug.tensorboard.blobs import BlobTag, add_blob
from camaug.tensorboard.loader import CamaugLoader
from tests.tensorboard.conftest import CLASSES, SIZE, make_snapshot, write_run

SERIES = {"run": "a", "prefix": "cam", "method": "group-cam"}


@pytest.fixture
def snapshots():
    return [make_snapshot(epoch) for epoch in range(12)]


@pytest.fixture
def tab(tmp_path, snapshots, serve):
    write_run(tmp_path / "a", snapshots)
    write_run(
        tmp_path / "a", [make_snapshot(epoch, probes=2) for epoch in range(3)], method="grad-cam", prefix="cam_test"
    )
    write_run(tmp_path / "b/c", snapshots[:1])
    return serve(tmp_path)


def decoded(text: str, size, limits) -> torch.Tensor:
    """A map as the front end makes it of the answer."""
    low, high = limits
    values = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8).float()
    return upsample((low + (high - low) * values / 255).view(1, 1, size[1], size[0]), (SIZE, SIZE))[0, 0].clamp(0, 1)


def test_runs(tab):
    assert tab.ask("runs") == {
        "runs": [
            {**SERIES, "epochs": list(range(12)), "probes": 4},
            {"run": "a", "prefix": "cam_test", "method": "grad-cam", "epochs": [0, 1, 2], "probes": 2},
            {**SERIES, "run": "b/c", "epochs": [0], "probes": 4},
        ]
    }


def test_looks_are_what_was_found(tab, snapshots):
    answer = tab.ask("looks", **SERIES)
    assert {name: answer[name] for name in SERIES} == SERIES
    assert answer["settings"] == "group-cam groups=32"
    assert answer["layer"] == "layer4"
    assert answer["classes"] == list(CLASSES)
    assert answer["epochs"] == list(range(12))
    assert answer["steps"] == [10 * epoch + 9 for epoch in range(12)]
    assert answer["probes"] == [{"id": 10 * i, "label": label} for i, label in enumerate([0, 1, 2, None])]
    assert answer["figures"]["cam/centre_bias"] == [[epoch, 0.25 + epoch] for epoch in range(12)]
    assert set(answer["looks"]) == {
        "predicted", "confidence", "true_confidence", "drift", "object_energy", "flag", "top"
    }  # fmt: skip
    for epoch, snapshot in enumerate(snapshots):
        found = {name: rows[epoch] for name, rows in answer["looks"].items()}
        likeliest = snapshot.probabilities.max(dim=1)
        assert found["predicted"] == likeliest.indices.tolist()
        assert found["confidence"] == pytest.approx(likeliest.values.tolist(), abs=1e-6)
        assert found["true_confidence"][:3] == pytest.approx(
            [snapshot.probabilities[i, i].item() for i in range(3)], abs=1e-6
        )
        assert found["true_confidence"][3] is None
        assert found["flag"] == [""] * 4
        order = snapshot.probabilities[1].argsort(descending=True).tolist()
        assert [index for index, _ in found["top"][1]] == order
    assert answer["looks"]["drift"][0] == [None] * 4


def test_maps_are_the_explainers(tab, snapshots):
    answer = tab.ask("maps", **SERIES, probe=20)["maps"]["20"]
    assert answer["epochs"] == list(range(12))
    assert answer["sizes"] == [[6, 3]] * 12
    others = 0
    for epoch, snapshot in enumerate(snapshots):
        size = answer["sizes"][epoch]
        predicted = decoded(answer["predicted"][epoch], size, answer["predicted_ranges"][epoch])
        assert (predicted - snapshot.maps[2]).abs().max() <= 1 / 255
        if snapshot.predicted[2] == 2:
            assert answer["true"][epoch] is None
            assert answer["true_ranges"][epoch] is None
        else:
            others += 1
            true = decoded(answer["true"][epoch], size, answer["true_ranges"][epoch])
            assert (true - snapshot.true_maps[2]).abs().max() <= 1 / 255
    assert 0 < others < 12


def test_maps_of_some_epochs(tab):
    every = tab.ask("maps", **SERIES, probe=20)["maps"]["20"]
    some = tab.ask("maps", **SERIES, probe=20, first=3, last=5)["maps"]["20"]
    assert some == {name: values[3:6] for name, values in every.items()}
    assert tab.ask("maps", **SERIES, probe=20, first=50, last=60)["maps"]["20"]["epochs"] == []
    for wrong in ({"first": 3}, {"first": 3, "last": "x"}):
        response = tab.get("maps", **SERIES, probe=20, **wrong)
        assert response.status_code == 400
        assert "`first` and `last` are both epochs" in json.loads(response.data)["error"]


def test_maps_of_several_images_are_those_of_each(tab):
    answer = tab.ask("maps", **SERIES, probe=["0", "20", "999", "looks"], first=1, last=2)
    assert answer["maps"] == {
        probe: tab.ask("maps", **SERIES, probe=probe, first=1, last=2)["maps"][probe] for probe in ("0", "20")
    }
    assert answer["errors"] == {
        probe: f"no maps of image {probe} were logged by group-cam under cam in the run a" for probe in ("999", "looks")
    }
    originals = tab.ask("maps", run="a", prefix="cam", method="original", probe=10)
    assert (originals["maps"], list(originals["errors"])) == ({}, ["10"])


def test_the_original_is_the_image(tab, snapshots):
    response = tab.get("original", run="a", prefix="cam", probe=10)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    image = Image.open(io.BytesIO(response.data))
    assert (image.format, image.size) == ("JPEG", (SIZE, SIZE))


def test_probes_that_come_and_go_are_null(tmp_path, serve):
    write_run(tmp_path / "a", [make_snapshot(0, 2, indices=[5, 6]), make_snapshot(1, 2, indices=[5, 7])][:1])
    write_run(tmp_path / "a", [make_snapshot(1, 2, indices=[7, 5])], first_epoch=1, suffix=".2")
    tab = serve(tmp_path)
    answer = tab.ask("looks", **SERIES)
    assert [probe["id"] for probe in answer["probes"]] == [7, 5, 6]
    assert [[value is None for value in row] for row in answer["looks"]["confidence"]] == [
        [True, False, False], [False, False, True]
    ]  # fmt: skip
    assert tab.ask("maps", **SERIES, probe=6)["maps"]["6"]["epochs"] == [0]


def test_a_resumed_run_goes_on_where_it_was_resumed(tmp_path, serve):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(8)])
    again = [make_snapshot(epoch + 50) for epoch in (5, 6)]
    write_run(tmp_path / "a", again, first_epoch=5, suffix=".2")
    answer = serve(tmp_path).ask("looks", **SERIES)
    assert answer["epochs"] == [0, 1, 2, 3, 4, 5, 6]
    for epoch, snapshot in zip((5, 6), again, strict=True):
        assert answer["looks"]["confidence"][epoch] == pytest.approx(snapshot.probabilities.amax(1).tolist(), abs=1e-6)


def test_a_run_that_is_still_written_is_read_as_far_as_it_is(tmp_path, snapshots, serve):
    write_run(tmp_path / "a", snapshots[:1])
    tab = serve(tmp_path)
    assert tab.ask("looks", **SERIES)["epochs"] == [0]
    write_run(tmp_path / "a", snapshots[1:3], first_epoch=1, suffix=".2")
    tab.multiplexer.Reload()
    assert tab.ask("runs")["runs"][0]["epochs"] == [0, 1, 2]
    assert tab.ask("looks", **SERIES)["epochs"] == [0, 1, 2]
    assert tab.ask("maps", **SERIES, probe=0)["maps"]["0"]["epochs"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("question", "arguments", "status"),
    [
        ("looks", {**SERIES, "run": "nowhere"}, 404),
        ("looks", {**SERIES, "method": "<script>"}, 404),
        ("looks", {**SERIES, "prefix": "../.."}, 404),
        ("looks", {**SERIES, "method": "original"}, 404),
        ("original", {"run": "a", "prefix": "cam", "probe": "../10"}, 404),
        ("maps", SERIES, 400),
        ("looks", {}, 400),
        ("static/nothing.js", {}, 404),
        ("static/../plugin.py", {}, 404),
        ("static/%2e%2e/plugin.py", {}, 404),
        ("static/..%2fplugin.py", {}, 404),
        ("static//etc/passwd", {}, 404),
    ],
)
def test_what_is_not_there_is_an_error_in_json(tab, question, arguments, status):
    response = tab.get(question, **arguments)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(response.data).keys() == {"error"}


def test_nothing_but_get_is_answered(tab):
    assert tab.get("runs", by="POST").status_code == 405


def test_the_front_end_is_served_as_scripts(tab):
    response = tab.get("static/index.js")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert b"render" in response.data


def test_hostile_names_stay_data(tmp_path, serve):
    write_run(
        tmp_path / "<b>run</b>", [make_snapshot(0)], method="<i>", classes=["</script><script>alert(1)</script>"] * 3
    )
    tab = serve(tmp_path)
    (entry,) = tab.ask("runs")["runs"]
    assert (entry["run"], entry["method"]) == ("<b>run</b>", "<i>")
    asked = {name: entry[name] for name in SERIES}
    assert tab.ask("looks", **asked)["classes"][0] == "</script><script>alert(1)</script>"
    refused = tab.get("looks", run="<script>", prefix="cam", method="<i>")
    assert refused.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "blob", [b"", b"{}", b"\xff\xfe", b'{"format": 1}', b'{"format":1,"maps":[],"record":{}}\n', b"[1]", b"null\n"]
)
def test_blobs_that_cannot_be_read_are_an_error_and_no_crash(tmp_path, serve, blob):
    with SummaryWriter(tmp_path / "a") as writer:
        for name in ("looks", "3"):
            add_blob(writer, BlobTag("cam", "group-cam", name), blob, 0)
    tab = serve(tmp_path)
    assert tab.ask("runs")["runs"][0]["epochs"] == [0]
    response = tab.get("looks", **SERIES)
    assert response.status_code == 400
    assert json.loads(response.data)["error"]
    answer = tab.ask("maps", **SERIES, probe=3)
    assert answer["maps"] == {}
    assert answer["errors"]["3"]


def test_an_empty_folder_and_a_run_without_our_data(tmp_path, serve):
    assert serve(tmp_path).ask("runs") == {"runs": []}
    with SummaryWriter(tmp_path / "other") as writer:
        writer.add_scalar("camaug/cam/group-cam/looks", 1.0, 0)  # the name alone says nothing
    tab = serve(tmp_path)
    assert tab.ask("runs") == {"runs": []}
    assert not tab.plugin.is_active()
    listed = tab.client.get("/data/plugins_listing").json["camaug"]
    assert listed["enabled"] is False
    assert listed["tab_name"] == "camaug"


def test_with_data_the_tab_is_among_the_active_ones(tab):
    assert tab.plugin.is_active()
    listed = tab.client.get("/data/plugins_listing").json["camaug"]
    assert listed["enabled"] is True
    assert listed["loading_mechanism"] == {"type": "IFRAME", "module_path": "/data/plugin/camaug/static/index.js"}


# How TensorBoard finds and loads it


def test_tensorboard_finds_it_by_its_entry_point():
    (found,) = [each for each in entry_points(group="tensorboard_plugins") if each.name == "camaug"]
    assert found.load() is CamaugLoader


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"camaug": 0}),
        (None, {"camaug": 0}),
        ({"images": 5}, {"camaug": 0, "images": 5}),
        ({"camaug": 7}, {"camaug": 7}),
    ],
)
def test_every_step_is_kept_unless_the_user_says_how_many(given, expected):
    flags = argparse.Namespace(samples_per_plugin=given)
    CamaugLoader().fix_flags(flags)
    assert flags.samples_per_plugin == expected


@pytest.mark.parametrize("fast", ["true", "false"])
@pytest.mark.slow
def test_a_real_tensorboard_keeps_sixty_of_sixty_epochs(tmp_path, fast):
    if fast == "true":
        pytest.importorskip("tensorboard_data_server", reason="the fast loader is a package of its own")
    snapshots = [make_snapshot(epoch) for epoch in range(60)]
    write_run(tmp_path / "a", snapshots)
    write_run(tmp_path / "a", [make_snapshot(epoch + 50) for epoch in (58, 59)], first_epoch=58, suffix=".2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path), "--port", str(port)]
    with subprocess.Popen([*command, f"--load_fast={fast}"], stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}/data/plugin/camaug"
            wait_for_epochs(f"{address}/runs", 60)
            chosen = "run=a&prefix=cam&method=group-cam"
            answer = ask(f"{address}/looks?{chosen}")
            assert answer["epochs"] == list(range(60))
            last = make_snapshot(50 + 59)
            assert answer["looks"]["confidence"][59] == pytest.approx(last.probabilities.amax(1).tolist(), abs=1e-6)
            assert answer["classes"] == list(CLASSES)
            maps = ask(f"{address}/maps?{chosen}&probe=20")["maps"]["20"]
            first = decoded(maps["predicted"][0], maps["sizes"][0], maps["predicted_ranges"][0])
            assert (first - snapshots[0].maps[2]).abs().max() <= 1 / 255
            with urllib.request.urlopen(f"{address}/original?run=a&prefix=cam&probe=20") as response:
                assert response.read()[:3] == b"\xff\xd8\xff"
            assert len(maps["epochs"]) == 60
        finally:
            process.terminate()


def ask(address: str):
    with urllib.request.urlopen(address, timeout=60) as response:
        return json.load(response)


def wait_for_epochs(address: str, count: int) -> None:
    deadline = time.time() + 120
    while time.time() < deadline:
        try:
            if [len(entry["epochs"]) for entry in ask(address)["runs"]] == [count]:
                return
        except OSError:
            pass  # it is not up yet
        time.sleep(0.3)
    pytest.fail(f"TensorBoard did not answer with {count} epochs at {address}")
