from __future__ import annotations

import pytest

from camaug.saliency_bank.record import BankRecord, settings_fingerprint
from tests.saliency_bank.generations import fill, record


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


def test_the_same_maps_by_other_processes():
    assert record().describes_same(record(world_size=7))
    for change in ({"model": "b2"}, {"count": 6}, {"grid": (3, 3)}, {"classes": 5}, {"settings": {}}):
        assert not record().describes_same(record(**change))


def test_a_record_is_read_back_and_damage_is_none():
    assert BankRecord.from_json(record().to_json()) == record()
    assert BankRecord.from_json(record().to_json()[:-3]) is None


def test_other_settings_have_another_fingerprint():
    assert settings_fingerprint({"a": 1}) != settings_fingerprint({"a": 2})
