"""The check of ``benchmarks/coverage.py`` on every architecture, which ``make test-slow`` runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import timm
import torchvision

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

_spec = importlib.util.spec_from_file_location(
    "coverage_of_models", Path(__file__).parents[1] / "benchmarks/coverage.py"
)
coverage = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = coverage
_spec.loader.exec_module(coverage)


@pytest.mark.parametrize("family", timm.list_modules())
def test_family(family):
    finding = coverage.check_family(family)
    assert finding.passes, finding


@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_torchvision(name):
    finding = coverage.check_torchvision(name)
    assert finding.passes, finding
