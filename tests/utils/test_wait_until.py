from __future__ import annotations

import pytest

from camaug.utils.wait_until import PAUSE, wait_until
from tests.toys import FakeClock


@pytest.mark.parametrize(("true_after", "longest", "pauses", "expected"), [
    (0, 10 * PAUSE, 0, True),
    (3, 10 * PAUSE, 3, True),
    (99, 10 * PAUSE, 10, False),
    (99, 0.0, 0, False),
])  # fmt: skip
def test_the_wait_ends_with_the_condition_or_with_the_time(true_after, longest, pauses, expected):
    clock, made = FakeClock(), []

    def pause(seconds: float) -> None:
        made.append(seconds)
        clock.advance(seconds)

    assert wait_until(lambda: len(made) == true_after, longest=longest, pause=pause, clock=clock) is expected
    assert len(made) == pauses
