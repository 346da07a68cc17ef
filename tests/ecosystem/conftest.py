"""Warnings that the packages raise themselves, which no test of camaug can avoid."""

from __future__ import annotations

import pytest

THEIR_WARNINGS = (
    "ignore:The ``noload`` loader strategy is deprecated",  # MLflow's use of SQLAlchemy 2.1
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",  # peft's use of transformers 5
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for warning in THEIR_WARNINGS:
            item.add_marker(pytest.mark.filterwarnings(warning))
