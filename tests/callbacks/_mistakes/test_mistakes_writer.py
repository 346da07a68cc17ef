"""Mistakes of a snapshot in event files."""

from __future__ import annotations

import base64
import io

import lightning as L
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms.v2.functional import pil_to_tensor

from camaug.tensorboard.data_source import DataSource, NotLoggedError, Series
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.report import report_data
from camaug.tensorboard.stored_map import StoredMap
from tests.callbacks._mistakes.recording import RecordingClassifier, RecordingLogger
from tests.toys import Blobs

SERIES = Series("0", "cam", "grad-cam")


@pytest.fixture
def run(make_trainer, tmp_path):
    """Train for three epochs, and return the explained mistakes and a source of what was logged."""
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    L.seed_everything(0, verbose=False)
    logger = RecordingLogger("grad-cam", mistakes=6)
    loader = DataLoader(Blobs(), batch_size=8)
    make_trainer(logger, max_epochs=3).fit(RecordingClassifier(), loader, loader)
    multiplexer = EventMultiplexer(size_guidance={"tensors": 0}).AddRunsFromDirectory(str(tmp_path / "run"))
    return logger.explained, DataSource(MultiplexerReader(multiplexer.Reload()))


def test_records_have_what_was_explained(run):
    explained, source = run
    (entry,) = source.runs()["runs"]
    assert entry["mistake_steps"] == [2, 5, 8]
    for step, one in zip(entry["mistake_steps"], explained, strict=True):
        record = source.mistakes(SERIES, step)
        chosen = one.chosen
        assert (record["count"], record["wrong"], record["forgotten"]) == (24, chosen.wrong, chosen.forgotten)
        matrix = torch.zeros(3, 3, dtype=torch.long)
        for label, prediction, images in record["confusion"]:
            matrix[label, prediction] = images
        assert torch.equal(matrix, chosen.confusion)
        probabilities = chosen.logits.softmax(dim=1)
        for slot, image in enumerate(record["images"]):
            predicted = int(probabilities[slot].argmax())
            assert (image["id"], image["predicted"]) == (chosen.indices[slot], predicted)
            assert image["labels"] == [int(chosen.targets[slot])]
            assert image["is_correct"] == (predicted == int(chosen.targets[slot]))
            assert image["confidence"] == pytest.approx(float(probabilities[slot, predicted]), abs=1e-6)
            assert image["object_energy"] == pytest.approx(float(one.object_energy[slot]), abs=1e-6)
            assert image["object_area"] == pytest.approx(float(one.object_area[slot]), abs=1e-6)


def test_maps_are_restored_within_one_step_of_eight_bits(run):
    explained, source = run
    for step, one in zip((2, 5, 8), explained, strict=True):
        for slot, image in enumerate(source.mistake_maps(SERIES, step)["images"]):
            assert image["classes"] == [index for index in one.classes[slot].tolist() if index >= 0]
            for column, (size, values, limits) in enumerate(
                zip(image["sizes"], image["values"], image["ranges"], strict=True)
            ):
                stored = StoredMap(*size, *limits, base64.b64decode(values))
                torch.testing.assert_close(
                    restore_map(stored, (24, 24)), one.maps[slot, column], atol=1.01 / 255, rtol=0
                )


def test_each_image_is_written_once_and_found_from_every_record(run):
    explained, source = run
    written = set()
    for step, one in zip((2, 5, 8), explained, strict=True):
        for slot, image in enumerate(source.mistakes(SERIES, step)["images"]):
            place = tuple(image["original"])
            assert (place == (step, slot)) == (image["id"] not in written)
            written.add(image["id"])
            with Image.open(io.BytesIO(source.mistake_original(SERIES, *place))) as jpeg:
                shown = pil_to_tensor(jpeg).float() / 255
            expected = one.chosen.images[slot]
            stretched = (expected - expected.min()) / (expected.max() - expected.min())
            assert (shown - stretched).abs().mean() < 0.08  # JPEG of noise


def test_what_was_not_logged_is_an_error(run):
    _, source = run
    with pytest.raises(NotLoggedError, match="no mistakes of grad-cam under cam at step 3 in the run 0"):
        source.mistakes(SERIES, 3)
    with pytest.raises(NotLoggedError, match="no image 99 among the mistakes of step 2"):
        source.mistake_original(SERIES, 2, 99)


def test_a_report_has_every_mistake(run):
    _, source = run
    data = report_data(source)
    keys = [f"0|cam|grad-cam|{step}" for step in (2, 5, 8)]
    assert list(data["mistakes"]) == list(data["mistake_maps"]) == keys
    for key in keys:
        for image in data["mistakes"][key]["images"]:
            step, slot = image["original"]
            assert data["mistake_originals"][f"0|cam|grad-cam|{step}|{slot}"].startswith("data:image/jpeg;base64,")
