"""Warnings in place of errors."""

from __future__ import annotations

import re
import warnings
from types import SimpleNamespace

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException

from camaug.callbacks._logging.warn_once import WarnOnce

TRAINER = SimpleNamespace(received_sigterm=False, world_size=1)


def fail(warn_once: WarnOnce, error: Exception, trainer=TRAINER, **settings) -> None:
    with warn_once.instead_of_error(trainer, "could not draw", **settings):
        raise error


def test_each_reason_warns_once():
    warn_once = WarnOnce("Callback")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for message in ("first", "second"):
            warn_once("reason", message)
        warn_once("another", "third")
    assert [str(warning.message) for warning in caught] == ["first", "third"]


def test_a_failure_is_a_warning_with_its_cause_once():
    warn_once = WarnOnce("Callback")
    with pytest.warns(UserWarning, match="Callback could not draw; training goes on") as caught:
        fail(warn_once, RuntimeError("no heat"))
    cause, origin = str(caught[0].message).splitlines()
    assert cause.count("RuntimeError: no heat") == 1
    assert re.fullmatch(r"\(raised in test_warn_once.py, line \d+; CAMAUG_TRACEBACK=1 in .* the traceback\)", origin)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fail(warn_once, RuntimeError("no heat"))


def test_some_errors_can_be_let_through():
    with pytest.raises(ValueError, match="wrong argument"):
        fail(WarnOnce("Callback"), ValueError("wrong argument"), raising=(ValueError,))


def test_a_failure_after_a_sigterm_ends_the_work():
    with pytest.raises(SIGTERMException):
        fail(WarnOnce("Callback"), RuntimeError("killed"), SimpleNamespace(received_sigterm=True, world_size=1))
