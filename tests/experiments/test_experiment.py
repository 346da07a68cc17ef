"""Checks before an experiment."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import ImageBatch, InsertionDeletionExperiment


def test_no_images_are_an_error(two_halves):
    with pytest.raises(ValueError, match="was given no images"):
        InsertionDeletionExperiment(["random"]).run(two_halves, [ImageBatch(torch.rand(0, 3, 16, 16))])


def test_a_missing_package_is_an_error_before_any_work(monkeypatch, two_halves, batches):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"matplotlib, which is not installed: pip install 'camaug\[experiments\]'"):
        InsertionDeletionExperiment(["random"]).run(lambda images: pytest.fail("the model was called"), batches)
