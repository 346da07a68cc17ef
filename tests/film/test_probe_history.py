"""An image has its predictions and heatmaps of every snapshot."""

from __future__ import annotations

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from camaug.film.choose_series import choose_series
from camaug.film.probe_history import ProbeHistory
from camaug.images.writing import jpeg_bytes
from camaug.tensorboard.blobs import ORIGINAL, BlobTag, add_blob
from camaug.tensorboard.data_source import NotLoggedError
from camaug.tensorboard.load_runs import load_runs
from camaug.tensorboard.map_compression import restore_map
from tests.tensorboard.conftest import CLASSES, SIZE, make_snapshot, step_of, write_run

TOLERANCE = 1 / 255


def test_predictions_and_maps_are_those_of_the_snapshots(run, read_film):
    film = read_film(run, [0, 10, 20, 30])
    assert film.steps == [step_of(epoch) for epoch in range(3)]
    seen = set()
    for position, history in enumerate(film.histories):
        assert (history.probe, history.image.size, history.image.mode) == (10 * position, (SIZE, SIZE), "RGB")
        for epoch, read in enumerate(history.snapshots):
            logged = make_snapshot(epoch)
            label = logged.labels[position]
            assert history.label_names == ([] if label is None else [CLASSES[label]])
            assert read.predicted_name == CLASSES[logged.predicted[position]]
            assert read.confidence == pytest.approx(float(logged.probabilities[position].max()), abs=1e-6)
            torch.testing.assert_close(
                restore_map(read.predicted_map, (SIZE, SIZE)), logged.maps[position], rtol=0, atol=TOLERANCE
            )
            assert read.is_correct == (None if label is None else label == int(logged.predicted[position]))
            seen.add(read.is_correct)
            if read.is_correct is False:
                torch.testing.assert_close(
                    restore_map(read.true_map, (SIZE, SIZE)), logged.true_maps[position], rtol=0, atol=TOLERANCE
                )
                assert read.true_confidence == pytest.approx(float(logged.probabilities[position, label]), abs=1e-6)
            else:
                assert read.true_map is None
    assert seen == {True, False, None}


def test_of_several_labels_the_true_class_is_one_that_is_missed(run, read_film):
    source = load_runs(run)
    series = choose_series(source)
    record = source.snapshots(series)
    number = next(n for n, row in enumerate(record["snapshots"]["correct"]) if row[0] is False)
    predicted = record["snapshots"]["predicted"][number][0]
    (label,) = record["probes"][0]["labels"]
    record["probes"][0]["labels"] = [predicted, label]
    record["snapshots"]["true_confidences"] = [[[0.7, 0.2], [], [], []]] * 3
    record["snapshots"]["missed"] = [[[label], [], [], []]] * 3
    snapshot = ProbeHistory.read(source, series, record, 0).snapshots[number]
    assert (snapshot.is_correct, snapshot.true_name, snapshot.true_confidence) == (False, CLASSES[label], 0.2)
    assert snapshot.true_map != snapshot.predicted_map


def test_an_image_that_came_later_has_no_earlier_snapshots(tmp_path, read_film):
    snapshots = [make_snapshot(0, probes=2), make_snapshot(1, probes=2, indices=[0, 77])]
    write_run(tmp_path / "run", snapshots)
    with SummaryWriter(tmp_path / "run", filename_suffix=".2") as writer:
        add_blob(writer, BlobTag("cam", ORIGINAL, "77"), jpeg_bytes(torch.rand(3, SIZE, SIZE)), 0)
    (history,) = read_film(tmp_path / "run", [77]).histories
    assert [snapshot is None for snapshot in history.snapshots] == [True, False]


def test_the_reason_of_a_warning_is_short(tmp_path, read_film):
    snapshot = make_snapshot(0)
    snapshot.maps[0] = 0
    write_run(tmp_path / "run", [snapshot])
    first, second = read_film(tmp_path / "run", [0, 10]).histories
    assert first.snapshots[0].warning == "constant map"
    assert second.snapshots[0].warning == ""


def test_an_image_that_was_not_logged_is_an_error(tmp_path, read_film):
    write_run(tmp_path / "run", [make_snapshot(0, probes=2), make_snapshot(1, probes=2, indices=[0, 77])])
    with pytest.raises(NotLoggedError, match="no image 77 under cam in the run"):
        read_film(tmp_path / "run", [77])


def test_an_unreadable_image_is_an_error_with_its_index(run, read_film):
    with SummaryWriter(run, filename_suffix=".2") as writer:
        add_blob(writer, BlobTag("cam", ORIGINAL, "10"), b"no image", 99)
    with pytest.raises(ValueError, match="image 10 of the run cannot be read"):
        read_film(run, [10])


def test_unreadable_heatmaps_are_an_error(run, read_film):
    with SummaryWriter(run, filename_suffix=".2") as writer:
        add_blob(writer, BlobTag("cam", "group-cam", "10"), b"{}", step_of(2))
    with pytest.raises(ValueError, match="logged in format None"):
        read_film(run, [10])
