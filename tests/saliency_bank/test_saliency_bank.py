"""The saliency bank's storage: what is written is read, what is not whole or another's is not."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from camaug.functional.masks import binarise, mask_iou, upsample
from camaug.inspection.model_digest import model_digest
from camaug.saliency_bank.reader import BankReader
from camaug.saliency_bank.record import BankRecord, settings_fingerprint
from camaug.saliency_bank.saliency_bank import SaliencyBank, bank_bytes, maps_at_grid
from camaug.saliency_bank.shard import Shard

SETTINGS = {"explainer": "grad-cam", "size": [24, 24]}


def record(**changes) -> BankRecord:
    fields = {"count": 5, "grid": (2, 3), "classes": 4, "world_size": 2, "model": "a1", "settings": SETTINGS}
    return BankRecord(**{**fields, **changes})


def maps_of(count: int, grid=(2, 3), offset: int = 0) -> np.ndarray:
    """Map i has i * 6, i * 6 + 1, ... in it."""
    return (np.arange(count * grid[0] * grid[1]) + offset).astype(np.uint8).reshape(count, *grid)


def fill(bank: SaliencyBank, number: int, offset: int = 0) -> None:
    made = bank.record(number)
    maps = maps_of(made.count, made.grid, offset)
    for shard in bank.shards(number):
        shard.write(0, maps[shard.rank :: shard.world_size])
        shard.seal()


@pytest.fixture
def bank(tmp_path) -> SaliencyBank:
    return SaliencyBank(tmp_path / "bank")


# Reading and writing


def test_each_image_is_in_its_shard_and_row(bank):
    number = bank.begin(record())
    first, second = bank.shards(number)
    assert (first.rows, second.rows) == (3, 2)  # images 0, 2, 4 and 1, 3
    fill(bank, number)
    assert bank.is_whole(number)
    assert first.path.read_bytes() == bytes([*range(6), *range(12, 18), *range(24, 30)])
    assert sorted(path.name for path in bank.folder(number).iterdir()) == [
        "about.json",
        "done-00000-of-00002.u8",
        "done-00001-of-00002.u8",
        "maps-00000-of-00002.u8",
        "maps-00001-of-00002.u8",
        "seal-00000-of-00002.txt",
        "seal-00001-of-00002.txt",
    ]
    np.testing.assert_array_equal(bank.read(number, [4, 1]), maps_of(5)[[4, 1]])
    assert bank.record(number) == record()


def test_more_processes_than_images(bank):
    number = bank.begin(record(count=1, world_size=3))
    fill(bank, number)
    assert bank.is_whole(number)
    np.testing.assert_array_equal(bank.read(number, [0]), maps_of(1))


@pytest.mark.parametrize(
    ("maps", "start"),
    [(maps_of(4), 0), (maps_of(1), 3), (maps_of(1, (3, 2)), 0), (maps_of(1).astype(float), 0), (maps_of(1), -1)],
)
def test_what_does_not_fit_is_refused(bank, maps, start):
    shard = bank.shard(bank.begin(record()), 0)
    with pytest.raises(ValueError, match=r"expected uint8 maps \(N, 2, 3\) for rows from 0 to 3, got "):
        shard.write(start, maps)


def test_a_shard_with_gaps_is_not_sealed(bank):
    shard = bank.shard(bank.begin(record()), 0)
    shard.write(1, maps_of(1))
    assert shard.done().tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"2 of the 3 maps of maps-00000-of-00002\.u8 are not written yet"):
        shard.seal()


def test_a_generation_that_is_not_there(bank):
    with pytest.raises(FileNotFoundError, match="has no generation 7, it has "):
        bank.read(7, [0])


def test_size_of_imagenet():
    """A byte a cell and one for the mark: well under half a gigabyte."""
    images = 1_281_167
    assert bank_bytes(images, (7, 7)) == images * 50 == 64_058_350
    assert bank_bytes(images, (14, 14)) == images * 197 < 2**28


def test_a_million_images_are_opened_without_being_read(tmp_path):
    shard = Shard(tmp_path, rank=3, world_size=8, count=1_281_167, grid=(14, 14))
    assert shard.rows == 160_146
    shard.write(shard.rows - 1, np.full((1, 14, 14), 9, dtype=np.uint8))
    assert shard.path.stat().st_size == shard.rows * 196
    assert shard.path.stat().st_blocks * 512 < 2**20  # what was not written takes no room
    maps = shard.open()
    assert isinstance(maps, np.memmap)
    assert (int(maps[0].max()), int(maps[-1].min()), int(shard.done().sum())) == (0, 9, 1)


# What is not whole or another's


@pytest.mark.parametrize("what", ["maps", "done", "seal"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_damage_is_noticed(bank, what, damage):
    number = bank.begin(record())
    fill(bank, number)
    (path,) = bank.folder(number).glob(f"{what}-00001-*")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else bytes([content[0] ^ 1]) + content[1:])
    expected = what == "done" and damage == "changed"  # marks are for what is unfinished, the seal covers the maps
    assert bank.is_whole(number) is expected
    assert bank.find("a1", record().fingerprint) == (number if expected else None)
    if not expected:  # it is made whole again, by what it lacks
        assert bank.begin(record()) == number
        fill(bank, number)
        assert bank.is_whole(number)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', '{"format": 99}'])
def test_a_record_that_is_not_whole_is_no_generation(bank, text):
    number = bank.begin(record())
    fill(bank, number)
    (bank.folder(number) / "about.json").write_text(text)
    assert not bank.is_whole(number)
    assert bank.generations() == []
    again = bank.begin(record())
    assert bank.generations() == [again]


def test_a_record_whose_settings_were_edited_is_none(bank):
    number = bank.begin(record())
    path = bank.folder(number) / "about.json"
    path.write_text(path.read_text().replace("grad-cam", "score-cam"))
    assert bank.record(number) is None


def test_nothing_of_another_model_or_of_other_settings_is_found(bank):
    number = bank.begin(record())
    fill(bank, number)
    assert bank.find("a1", record().fingerprint) == number
    assert bank.find("b2", record().fingerprint) is None
    assert bank.find("a1", record(settings={**SETTINGS, "size": [32, 32]}).fingerprint) is None


def test_unfinished_maps_are_continued_by_the_same_record_alone(bank):
    number = bank.begin(record())
    bank.shard(number, 1).write(0, maps_of(1))
    assert bank.find("a1", record().fingerprint) is None
    assert bank.begin(record()) == number
    assert bank.shard(number, 1).done().tolist() == [True, False]
    for change in ({"model": "b2"}, {"world_size": 1}, {"grid": (3, 3)}, {"settings": {}}):
        other = bank.begin(record(**change))
        assert bank.generations() == [other]  # the unfinished one is gone
        assert not bank.shard(other, 0).done().any()


def test_generations_in_use_are_kept(bank):
    for model in ("a1", "b2", "c3"):
        fill(bank, bank.begin(record(model=model)))
    bank.keep_only([2, 3])
    assert bank.generations() == [2, 3]
    assert bank.begin(record(model="d4"), keep=[3]) == 4
    assert bank.generations() == [2, 3, 4]


def test_taken_over_from_another_directory(bank, tmp_path):
    fill(bank, bank.begin(record()), offset=7)
    other = SaliencyBank(tmp_path / "other")
    fill(other, other.begin(record(model="z")))
    number = other.take_over(bank, 1)
    assert (number, other.find("a1", record().fingerprint)) == (2, 2)
    np.testing.assert_array_equal(other.read(number, [3]), bank.read(1, [3]))


WRITER = """
import sys, numpy as np
from pathlib import Path
from camaug.saliency_bank.saliency_bank import SaliencyBank
from camaug.saliency_bank.record import BankRecord
bank = SaliencyBank(Path(sys.argv[1]))
number = bank.begin(BankRecord(4000, (2, 3), 4, 1, "a1", {}))
shard = bank.shard(number, 0)
for row in range(4000):
    if not shard.done()[row]:
        shard.write(row, np.full((1, 2, 3), row % 251, dtype=np.uint8))
    if row == 20:
        print("under way", flush=True)
        sys.stdin.read()  # until it is killed
"""


def test_killed_in_mid_write_and_continued(bank):
    program = [sys.executable, "-c", WRITER, str(bank.directory)]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "under way\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    made = record(count=4000, world_size=1, settings={})
    assert bank.find("a1", made.fingerprint) is None
    number = bank.begin(made)
    done = bank.shard(number, 0).done()
    written = int(done.sum())
    assert written == 21
    assert done[:written].all()
    expected = (np.arange(written) % 251)[:, None, None] * np.ones((1, 2, 3))
    np.testing.assert_array_equal(bank.shard(number, 0).open()[:written], expected)


# Readers in other processes


def answer(reader: BankReader, questions, answers) -> None:
    for index in iter(questions.get, None):
        found = reader(index)
        answers.put(None if found is None else found.copy())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_that_lives_on_sees_the_new_generation(bank, method):
    for offset in (0, 100):
        fill(bank, bank.begin(record(model=str(offset))), offset)
    reader = BankReader(bank.directory)
    assert reader(0) is None
    context = torch.multiprocessing.get_context(method)
    questions, answers = context.SimpleQueue(), context.SimpleQueue()
    process = context.Process(target=answer, args=(reader, questions, answers))
    process.start()
    found = []
    for number in (None, 1, 2):
        reader.serve(number)
        questions.put(3)
        found.append(answers.get())
    questions.put(None)
    process.join()
    assert found[0] is None
    np.testing.assert_array_equal(found[1], maps_of(5)[3])
    np.testing.assert_array_equal(found[2], maps_of(5, offset=100)[3])
    assert multiprocessing.active_children() == []


# Fingerprints


def test_half_precision_and_empty_tensors_have_fingerprints():
    model = nn.Linear(3, 2).bfloat16()
    model.register_buffer("nothing", torch.empty(0))
    assert len(model_digest(model)) == len("sha256:") + 64
    assert settings_fingerprint({"a": 1}) != settings_fingerprint({"a": 2})


# The grid


@pytest.mark.parametrize("size", [(7, 7), (14, 21), (112, 112)])
def test_what_was_enlarged_is_got_back(size):
    small = torch.rand(3, 1, 7, 7)
    maps = upsample(small, size)[:, 0]
    kept = maps_at_grid(maps, (7, 7), enlarged=True)
    assert kept.dtype == torch.uint8
    assert (kept.float() / 255 - small[:, 0]).abs().max() < 0.5 / 255 + 1e-5
    again = upsample(kept.float()[:, None], size)[:, 0]
    assert mask_iou(binarise(maps), binarise(again)).min() > 0.96


def test_a_grid_finer_than_the_map_loses_nothing_either():
    maps = torch.rand(2, 6, 6)
    kept = maps_at_grid(maps, (12, 12), enlarged=True).float()
    assert (upsample(kept[:, None], (6, 6))[:, 0] / 255 - maps).abs().max() < 0.2


def test_maps_of_pixels_are_averaged_and_stretched():
    maps = torch.zeros(1, 4, 4)
    maps[0, 0, 0], maps[0, 2, 2] = 0.2, 0.1
    assert maps_at_grid(maps, (2, 2), enlarged=False).tolist() == [[[255, 0], [0, 128]]]
    assert maps_at_grid(torch.zeros(1, 4, 4), (2, 2), enlarged=False).max() == 0


def test_explanations_say_their_grid(net, images):
    from camaug import GradCAM, get_explainer

    assert GradCAM()(net, images).grid == (4, 4)
    assert GradCAM(layer=["body", "stem"])(net, images).grid == (8, 8)
    assert get_explainer("noise-smooth", samples=2)(net, images).grid == (4, 4)
    assert get_explainer("rise", masks=8, cells=4)(net, images).grid is None


def test_paths_are_taken_as_they_are(tmp_path):
    bank = SaliencyBank(Path(tmp_path) / "a b" / "ü")
    fill(bank, bank.begin(record()))
    assert bank.generations() == [1]
