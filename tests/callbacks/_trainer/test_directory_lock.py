"""Lock of a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from camaug.callbacks._trainer.directory_lock import DirectoryLock
from tests.processes import run_program

pytest.importorskip("fcntl")

OTHER = """
import sys
from pathlib import Path
from camaug.callbacks._trainer.directory_lock import DirectoryLock
print(DirectoryLock(Path(sys.argv[1])).take())
"""


def other_process_takes(directory: Path) -> bool:
    done = run_program("-c", OTHER, directory)
    assert done.stdout in ("True\n", "False\n")
    return done.stdout == "True\n"


def test_one_process_at_a_time_until_it_releases_the_lock(tmp_path):
    lock = DirectoryLock(tmp_path / "new")
    assert lock.take()
    assert lock.take()  # again
    assert not other_process_takes(tmp_path / "new")
    lock.release()
    lock.release()
    assert other_process_takes(tmp_path / "new")
