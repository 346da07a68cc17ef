"""Experiment 3."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from camaug import GroupCAM
from camaug.experiments import ImageBatch, RunTimeExperiment
from camaug.explainers import GradCAM


@dataclass(frozen=True)
class Sleepy(GradCAM):
    """Takes a known time for each image."""

    def saliency(self, evidence):
        time.sleep(0.1 * len(evidence.images))
        return super().saliency(evidence)


def test_rows_are_methods_alone_and_in_batches(net, images, explainers):
    methods = [GroupCAM(groups=4), Sleepy(), explainers["refusing"]()]
    report = RunTimeExperiment(methods, batch_sizes=[1, 3], rounds=2).run(net, [ImageBatch(images)])
    table = report.table("run time")
    assert table.column("method") == ["one forward pass", "group-cam groups=4", "Sleepy"] * 2
    assert table.column("images at once") == [1, 1, 1, 3, 3, 3]
    assert table.column("queries") == [1, 6, 1] * 2
    assert table.notes == ("left out: Refusing, which refuses this model: it has no such layer",)
    milliseconds, ratios = table.column("ms an image"), table.column("times a forward pass")
    assert ratios[0] == ratios[3] == 1
    for start in (0, 3):
        assert ratios[start + 2] == pytest.approx(milliseconds[start + 2] / milliseconds[start])
        assert 100 <= milliseconds[start + 2] < 1000
        assert ratios[start + 1] == pytest.approx(milliseconds[start + 1] / milliseconds[start])


def test_a_batch_larger_than_the_images_is_all_of_them(net, images):
    report = RunTimeExperiment(["grad-cam"], batch_sizes=[2, 16, 64], rounds=1).run(net, [ImageBatch(images)])
    assert report.tables[0].column("images at once") == [2, 2, 4, 4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_sizes": [0]}, r"`batch_sizes` must be at least 1 image each, got \[0\]"),
        ({"batch_sizes": []}, "`batch_sizes` must be at least 1"),
        ({"rounds": 0}, "`rounds` must be at least 1, got 0"),
        ({"methods": []}, "`methods` names no method"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RunTimeExperiment(**settings)
