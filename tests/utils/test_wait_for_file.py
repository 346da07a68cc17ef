from __future__ import annotations

import os

import pytest

from camaug.utils.wait_for_file import PAUSE, wait_for_file
from tests.toys import FakeClock


@pytest.mark.parametrize(
    ("written_at", "age", "pauses", "expected"),
    [
        (0, 0, 0, True),  # there already
        (3, 0, 3, True),
        (None, 0, 20, False),
        (0, 11, 20, False),  # of an earlier run
    ],
)
def test_the_wait_ends_with_the_file_or_with_the_time(written_at, age, pauses, expected, tmp_path):
    clock, path, count = FakeClock(), tmp_path / "file", 0
    clock.advance(1000.0)

    def write() -> None:
        path.touch()
        os.utime(path, (1000.0 - age, 1000.0 - age))

    def pause(seconds: float) -> None:
        nonlocal count
        count += 1
        clock.advance(seconds)
        if count == written_at:
            write()

    if written_at == 0:
        write()
    assert wait_for_file(path, longest=20 * PAUSE, pause=pause, clock=lambda: clock(None)) is expected
    assert count == pauses
