"""Routes of the tab's server inside TensorBoard's own application."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from camaug.tensorboard.blobs import BlobTag, add_blob
from tests.reliability.test_other_user import other_user
from tests.tensorboard.conftest import CLASSES, SIZE, decode_map, make_snapshot, step_of, write_run

SERIES = {"run": "a", "prefix": "cam", "method": "group-cam"}
STEPS = [step_of(epoch) for epoch in range(12)]


def wall_time(number: int) -> float:
    """Return when a snapshot was written, ninety seconds after the previous one."""
    return 1_700_000_000.5 + 90 * number


TIMES = [wall_time(number) for number in range(12)]


@pytest.fixture
def snapshots():
    return [make_snapshot(epoch) for epoch in range(12)]


@pytest.fixture
def tab(tmp_path, snapshots, serve):
    write_run(tmp_path / "a", snapshots, wall_time=wall_time)
    test_snapshots = [make_snapshot(epoch, probes=2) for epoch in range(3)]
    write_run(tmp_path / "a", test_snapshots, method="grad-cam", prefix="cam_test", wall_time=wall_time)
    write_run(tmp_path / "b/c", snapshots[:1], wall_time=wall_time)
    return serve(tmp_path)


def test_runs_lists_every_series(tab):
    assert tab.fetch("runs") == {
        "runs": [
            {**SERIES, "steps": STEPS, "wall_times": TIMES, "probes": 4, "mistake_steps": []},
            {
                "run": "a",
                "prefix": "cam_test",
                "method": "grad-cam",
                "steps": STEPS[:3],
                "wall_times": TIMES[:3],
                "probes": 2,
                "mistake_steps": [],
            },
            {**SERIES, "run": "b/c", "steps": STEPS[:1], "wall_times": TIMES[:1], "probes": 4, "mistake_steps": []},
        ]
    }


def test_snapshots_match_what_was_logged(tab, snapshots):
    response = tab.fetch("snapshots", **SERIES)
    assert {name: response[name] for name in SERIES} == SERIES
    assert response["settings"] == "group-cam groups=32"
    assert response["layer"] == "layer4"
    assert response["classes"] == list(CLASSES)
    assert response["epochs"] == list(range(12))
    assert response["steps"] == STEPS
    assert response["wall_times"] == TIMES
    assert response["probes"] == [{"id": 10 * i, "labels": labels} for i, labels in enumerate([[0], [1], [2], []])]
    assert response["metrics"]["cam/centre_bias"] == [[step, 0.25 + i] for i, step in enumerate(STEPS)]
    assert set(response["snapshots"]) == {
        "predicted", "correct", "confidence", "true_confidences", "drift", "object_energy", "warning", "top_classes"
    }  # fmt: skip
    for epoch, snapshot in enumerate(snapshots):
        values = {name: rows[epoch] for name, rows in response["snapshots"].items()}
        top = snapshot.probabilities.max(dim=1)
        assert values["predicted"] == top.indices.tolist()
        assert values["confidence"] == pytest.approx(top.values.tolist(), abs=1e-6)
        for i in range(3):
            assert values["true_confidences"][i] == pytest.approx([snapshot.probabilities[i, i].item()], abs=1e-6)
        assert values["true_confidences"][3] == []
        assert values["warning"] == [""] * 4
        order = snapshot.probabilities[1].argsort(descending=True).tolist()
        assert [index for index, _ in values["top_classes"][1]] == order
    assert response["snapshots"]["drift"][0] == [None] * 4


def test_snapshots_since_a_step(tab):
    every = tab.fetch("snapshots", **SERIES)
    some = tab.fetch("snapshots", **SERIES, since=STEPS[3])
    assert some["steps"] == STEPS[4:]
    for name in ("wall_times", "epochs"):
        assert some[name] == every[name][4:]
    assert some["snapshots"] == {name: rows[4:] for name, rows in every["snapshots"].items()}
    assert some["metrics"] == {name: points[4:] for name, points in every["metrics"].items()}
    assert (some["probes"], some["classes"]) == (every["probes"], every["classes"])
    assert tab.fetch("snapshots", **SERIES, since=STEPS[-1]) == every  # there are none after the last one
    response = tab.get("snapshots", **SERIES, since="x")
    assert (response.status_code, json.loads(response.data)["error"]) == (400, "`since` must be an integer, got x")


def test_maps_match_the_logged_maps(tab, snapshots):
    response = tab.fetch("maps", **SERIES, probe=20)["maps"]["20"]
    assert response["steps"] == STEPS
    assert response["sizes"] == [[6, 3]] * 12
    wrong_predictions = 0
    for epoch, snapshot in enumerate(snapshots):
        assert (decode_map(response, epoch) - snapshot.maps[2]).abs().max() <= 1 / 255
        if snapshot.predicted[2] == 2:
            assert response["classes"][epoch] == [2]
            assert len(response["values"][epoch]) == len(response["ranges"][epoch]) == 1
        else:
            wrong_predictions += 1
            assert response["classes"][epoch] == [int(snapshot.predicted[2]), 2]
            assert (decode_map(response, epoch, 2) - snapshot.true_maps[2]).abs().max() <= 1 / 255
    assert 0 < wrong_predictions < 12


def test_maps_of_a_range_of_steps(tab):
    every = tab.fetch("maps", **SERIES, probe=20)["maps"]["20"]
    some = tab.fetch("maps", **SERIES, probe=20, first=STEPS[3], last=STEPS[5])["maps"]["20"]
    assert some == {name: values[3:6] for name, values in every.items()}
    assert tab.fetch("maps", **SERIES, probe=20, first=500, last=600)["maps"]["20"]["steps"] == []
    for invalid in ({"first": 3}, {"first": 3, "last": "x"}):
        response = tab.get("maps", **SERIES, probe=20, **invalid)
        assert response.status_code == 400
        assert "`first` and `last` must both be integers" in json.loads(response.data)["error"]


def test_maps_of_several_images_match_single_requests(tab):
    response = tab.fetch("maps", **SERIES, probe=["0", "20", "999", "snapshots"], first=9, last=19)
    assert response["maps"] == {
        probe: tab.fetch("maps", **SERIES, probe=probe, first=9, last=19)["maps"][probe] for probe in ("0", "20")
    }
    assert response["errors"] == {
        probe: f"no heatmaps of image {probe} by group-cam under cam in the run a" for probe in ("999", "snapshots")
    }
    originals = tab.fetch("maps", run="a", prefix="cam", method="original", probe=10)
    assert (originals["maps"], list(originals["errors"])) == ({}, ["10"])


def test_the_original_is_a_jpeg_of_the_image(tab, snapshots):
    response = tab.get("original", run="a", prefix="cam", probe=10)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    image = Image.open(io.BytesIO(response.data))
    assert (image.format, image.size) == ("JPEG", (SIZE, SIZE))


def test_probe_images_missing_in_a_snapshot_are_null(tmp_path, serve):
    write_run(tmp_path / "a", [make_snapshot(0, 2, indices=[5, 6]), make_snapshot(1, 2, indices=[5, 7])][:1])
    write_run(tmp_path / "a", [make_snapshot(1, 2, indices=[7, 5])], first_epoch=1, suffix=".2")
    tab = serve(tmp_path)
    response = tab.fetch("snapshots", **SERIES)
    assert [probe["id"] for probe in response["probes"]] == [7, 5, 6]
    assert [[value is None for value in row] for row in response["snapshots"]["confidence"]] == [
        [True, False, False], [False, False, True]
    ]  # fmt: skip
    assert tab.fetch("maps", **SERIES, probe=6)["maps"]["6"]["steps"] == STEPS[:1]


def test_a_resumed_run_replaces_the_repeated_steps(tmp_path, serve):
    write_run(tmp_path / "a", [make_snapshot(epoch) for epoch in range(8)])
    repeated = [make_snapshot(epoch + 50) for epoch in (5, 6)]
    write_run(tmp_path / "a", repeated, first_epoch=5, suffix=".2")
    response = serve(tmp_path).fetch("snapshots", **SERIES)
    assert response["epochs"] == [0, 1, 2, 3, 4, 5, 6]
    for epoch, snapshot in zip((5, 6), repeated, strict=True):
        expected = snapshot.probabilities.amax(dim=1).tolist()
        assert response["snapshots"]["confidence"][epoch] == pytest.approx(expected, abs=1e-6)


def test_a_run_resumed_within_an_epoch_replaces_what_follows_its_checkpoint(tmp_path, serve):
    """The run has three snapshots an epoch, is killed after step 60, and resumed from step 35 at another cadence."""
    write_run(tmp_path / "a", [make_snapshot(i) for i in range(6)], position=lambda i: (i // 3, 10 * (i + 1)))
    repeated = [make_snapshot(i) for i in (50, 51)]
    write_run(tmp_path / "a", repeated, suffix=".2", position=lambda i: (1, 40 + 7 * i))
    tab = serve(tmp_path)
    steps = [10, 20, 30, 40, 47]
    response = tab.fetch("snapshots", **SERIES)
    assert tab.fetch("runs")["runs"][0]["steps"] == response["steps"] == steps
    assert response["epochs"] == [0, 0, 0, 1, 1]
    assert [step for step, _ in response["metrics"]["val/accuracy"]] == steps
    for i, snapshot in enumerate(repeated, start=3):
        expected = snapshot.probabilities.amax(dim=1).tolist()
        assert response["snapshots"]["confidence"][i] == pytest.approx(expected, abs=1e-6)
    maps = tab.fetch("maps", **SERIES, probe=20, first=31, last=100)["maps"]["20"]
    assert maps["steps"] == [40, 47]
    assert (decode_map(maps, 0) - repeated[0].maps[2]).abs().max() <= 1 / 255


def test_new_snapshots_appear_while_a_run_is_being_written(tmp_path, snapshots, serve):
    write_run(tmp_path / "a", snapshots[:1])
    tab = serve(tmp_path)
    assert tab.fetch("snapshots", **SERIES)["epochs"] == [0]
    write_run(tmp_path / "a", snapshots[1:3], first_epoch=1, suffix=".2")
    tab.multiplexer.Reload()
    assert tab.fetch("runs")["runs"][0]["steps"] == STEPS[:3]
    assert tab.fetch("snapshots", **SERIES)["epochs"] == [0, 1, 2]
    assert tab.fetch("maps", **SERIES, probe=0)["maps"]["0"]["steps"] == STEPS[:3]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only Unix has users of this kind")
def test_a_log_directory_of_another_user_is_read_and_nothing_is_written(serve):
    logdir = Path(tempfile.mkdtemp())  # not `tmp_path`, which is closed to other users
    try:
        write_run(logdir / "a", [make_snapshot(0)])
        paths = sorted(logdir.rglob("*"))
        for path in (*paths, logdir):
            path.chmod(0o444 if path.is_file() else 0o555)
        expected = serve(logdir).fetch("maps", **SERIES, probe=20)  # imports what the other user may not read
        with other_user():
            assert not os.access(logdir, os.W_OK, effective_ids=True)
            tab = serve(logdir)
            assert [run["steps"] for run in tab.fetch("runs")["runs"]] == [STEPS[:1]]
            assert tab.fetch("maps", **SERIES, probe=20) == expected
        assert sorted(logdir.rglob("*")) == paths
    finally:
        for folder in (logdir, logdir / "a"):
            folder.chmod(0o755)
        shutil.rmtree(logdir)


@pytest.mark.parametrize(
    ("route", "arguments", "status"),
    [
        ("snapshots", {**SERIES, "run": "nowhere"}, 404),
        ("snapshots", {**SERIES, "method": "<script>"}, 404),
        ("snapshots", {**SERIES, "prefix": "../.."}, 404),
        ("snapshots", {**SERIES, "method": "original"}, 404),
        ("original", {"run": "a", "prefix": "cam", "probe": "../10"}, 404),
        ("maps", SERIES, 400),
        ("snapshots", {}, 400),
        ("static/nothing.js", {}, 404),
        ("static/../plugin.py", {}, 404),
        ("static/%2e%2e/plugin.py", {}, 404),
        ("static/..%2fplugin.py", {}, 404),
        ("static//etc/passwd", {}, 404),
    ],
)
def test_unknown_names_are_json_errors(tab, route, arguments, status):
    response = tab.get(route, **arguments)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(response.data).keys() == {"error"}


@pytest.mark.parametrize("route", ["runs", "snapshots", "maps", "original", "static/index.js"])
def test_only_requests_that_read_are_allowed(tab, route):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert tab.get(route, http_method=method).status_code == 405
    assert tab.get(route, http_method="HEAD").status_code in (200, 400)  # 400 without the route's arguments


@pytest.mark.parametrize("route", ["runs", "snapshots", "original", "static/index.js", "static/nothing.js"])
def test_pages_of_other_origins_can_read_no_response(tab, route):
    headers = tab.get(route, **(SERIES if route == "snapshots" else {})).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name, _ in headers if name.startswith("Access-Control-")]


def test_the_front_end_is_served_as_javascript(tab):
    response = tab.get("static/index.js")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert b"render" in response.data


def test_hostile_names_stay_data(tmp_path, serve):
    write_run(
        tmp_path / "<b>run</b>", [make_snapshot(0)], method="<i>", classes=["</script><script>alert(1)</script>"] * 3
    )
    tab = serve(tmp_path)
    (entry,) = tab.fetch("runs")["runs"]
    assert (entry["run"], entry["method"]) == ("<b>run</b>", "<i>")
    selected = {name: entry[name] for name in SERIES}
    assert tab.fetch("snapshots", **selected)["classes"][0] == "</script><script>alert(1)</script>"
    refused = tab.get("snapshots", run="<script>", prefix="cam", method="<i>")
    assert refused.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "blob", [b"", b"{}", b"\xff\xfe", b'{"format": 2}', b'{"format":2,"maps":[],"record":{}}\n', b"[1]", b"null\n"]
)
def test_malformed_blobs_are_errors(tmp_path, serve, blob):
    with SummaryWriter(tmp_path / "a") as writer:
        for name in ("snapshots", "3"):
            add_blob(writer, BlobTag("cam", "group-cam", name), blob, 0)
    tab = serve(tmp_path)
    assert tab.fetch("runs")["runs"][0]["steps"] == [0]
    response = tab.get("snapshots", **SERIES)
    assert response.status_code == 400
    assert json.loads(response.data)["error"]
    response = tab.fetch("maps", **SERIES, probe=3)
    assert response["maps"] == {}
    assert response["errors"]["3"]


def test_the_tab_is_inactive_without_data(tmp_path, serve):
    assert serve(tmp_path).fetch("runs") == {"runs": []}
    with SummaryWriter(tmp_path / "other") as writer:
        writer.add_scalar("camaug/cam/group-cam/snapshots", 1.0, 0)  # a scalar with a tag of the plugin
    tab = serve(tmp_path)
    assert tab.fetch("runs") == {"runs": []}
    assert not tab.plugin.is_active()
    listed = tab.client.get("/data/plugins_listing").json["camaug"]
    assert listed["enabled"] is False
    assert listed["tab_name"] == "camaug"


def test_the_tab_is_active_with_data(tab):
    assert tab.plugin.is_active()
    listed = tab.client.get("/data/plugins_listing").json["camaug"]
    assert listed["enabled"] is True
    assert listed["loading_mechanism"] == {"type": "IFRAME", "module_path": "/data/plugin/camaug/static/index.js"}
