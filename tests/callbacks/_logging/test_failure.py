"""Failures in a warning."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.failure import Failure


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("no heat", "ValueError: no heat"),
        ("Error in loading:\n\tsize mismatch", "ValueError: Error in loading: size mismatch"),
        ("Caught KeyError.\nTraceback (most recent call last):\n  File x\nKeyError: 3\n", "KeyError: 3"),
        ("", "ValueError"),
    ],
)
def test_a_cause_is_one_line(message, cause):
    assert Failure.of(ValueError(message)).cause == cause


def test_the_traceback_can_be_shown(monkeypatch):
    monkeypatch.setenv("CAMAUG_TRACEBACK", "1")
    try:
        raise ValueError("no heat")
    except ValueError as error:
        origin = Failure.of(error).origin
    assert origin.startswith("Traceback")
    assert "no heat" in origin
