"""The small classifier, data set and trainer of the callbacks' tests."""

from __future__ import annotations

from tests.callbacks.conftest import dataset, loader, make_trainer, module, read_events

__all__ = ["dataset", "loader", "make_trainer", "module", "read_events"]
