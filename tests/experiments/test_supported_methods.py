"""Methods that do not support the model are left out and named."""

from __future__ import annotations

import pytest

from camaug.experiments import ImageBatch, InsertionDeletionExperiment


def test_an_unsupported_method_is_named_and_the_others_are_measured(two_halves, batches, explainers):
    methods = [explainers["refusing"](), "random"]
    report = InsertionDeletionExperiment(methods, step=0.2).run(two_halves, batches)
    assert report.tables[0].column("method") == ["random"]
    assert report.tables[0].notes == ("left out: Refusing, which does not support this model: it has no such layer",)


def test_other_errors_pass_through(two_halves, batches, explainers):
    with pytest.raises(RuntimeError, match="a fuse blew"):
        InsertionDeletionExperiment([explainers["broken"](), "random"]).run(two_halves, batches)


def test_a_model_that_no_method_supports_is_an_error_with_the_reasons(net, images):
    with pytest.raises(ValueError, match=r"no method supports this model:\n  legrad: legrad reads"):
        InsertionDeletionExperiment(["legrad"]).run(net, [ImageBatch(images)])
