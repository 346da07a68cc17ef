"""The saliency bank's storage: what is written is read, what is not whole or another's is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from camaug.saliency_bank.saliency_bank import SaliencyBank, bank_bytes
from tests.saliency_bank.generations import SETTINGS, fill, maps_of, record


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


def test_a_generation_that_is_not_there(bank):
    with pytest.raises(FileNotFoundError, match="has no generation 7, it has "):
        bank.read(7, [0])


def test_size_of_imagenet():
    """A byte a cell and one for the mark: well under half a gigabyte."""
    images = 1_281_167
    assert bank_bytes(images, (7, 7)) == images * 50 == 64_058_350
    assert bank_bytes(images, (14, 14)) == images * 197 < 2**28


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


@pytest.mark.parametrize(("world_size", "processes"), [(1, 1), (2, 2), (2, 1), (2, 3), (5, 2)])
def test_processes_together_check_every_shard(world_size, processes, bank):
    number = bank.begin(record(world_size=world_size))
    fill(bank, number)
    assert all(bank.is_share_whole(number, rank, processes) for rank in range(processes))
    for shard in bank.shards(number):
        good = shard.path.read_bytes()
        shard.path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        assert not all(bank.is_share_whole(number, rank, processes) for rank in range(processes))
        shard.path.write_bytes(good)


def test_each_process_checks_what_another_wrote(bank):
    number = bank.begin(record(world_size=2))
    fill(bank, number)
    bank.shard(number, 0).path.unlink()
    assert [bank.is_share_whole(number, rank, 2) for rank in range(2)] == [True, False]
    assert not bank.is_share_whole(number + 1, 0, 2)


def test_nothing_of_another_model_or_of_other_settings_is_found(bank):
    number = bank.begin(record())
    fill(bank, number)
    assert bank.find("a1", record().fingerprint) == number
    assert bank.find("b2", record().fingerprint) is None
    assert bank.find("a1", record(settings={**SETTINGS, "size": [32, 32]}).fingerprint) is None


def test_unfinished_maps_are_continued_only_by_the_same_record(bank):
    number = bank.begin(record())
    bank.shard(number, 1).write(0, maps_of(1))
    assert bank.find("a1", record().fingerprint) is None
    assert bank.begin(record()) == number
    assert bank.shard(number, 1).written_rows().tolist() == [True, False]
    for change in ({"model": "b2"}, {"world_size": 1}, {"grid": (3, 3)}, {"settings": {}}):
        other = bank.begin(record(**change))
        assert bank.generations() == [other]  # the unfinished one is gone
        assert not bank.shard(other, 0).written_rows().any()


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
    number = other.copy_from(bank, 1)
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
    if not shard.written_rows()[row]:
        shard.write(row, np.full((1, 2, 3), row % 251, dtype=np.uint8))
    if row == 20:
        print("under way", flush=True)
        sys.stdin.read()  # until it is killed
"""


def test_killed_during_a_write_and_continued(bank):
    program = [sys.executable, "-c", WRITER, str(bank.directory)]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "under way\n"
    process.kill()
    process.communicate()
    made = record(count=4000, world_size=1, settings={})
    assert bank.find("a1", made.fingerprint) is None
    number = bank.begin(made)
    done = bank.shard(number, 0).written_rows()
    written = int(done.sum())
    assert written == 21
    assert done[:written].all()
    expected = (np.arange(written) % 251)[:, None, None] * np.ones((1, 2, 3))
    np.testing.assert_array_equal(bank.shard(number, 0).open()[:written], expected)


def test_paths_are_taken_as_they_are(tmp_path):
    bank = SaliencyBank(Path(tmp_path) / "a b" / "ü")
    fill(bank, bank.begin(record()))
    assert bank.generations() == [1]
