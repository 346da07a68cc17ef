"""Experiment 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from camaug import GroupCAM
from camaug.experiments import ImageBatch, RunTimeExperiment
from camaug.explainers import GradCAM
from tests.toys import FakeClock


@dataclass(frozen=True)
class SlowGradCAM(GradCAM):
    """Grad-CAM that takes three seconds an image."""

    clock: ClassVar[FakeClock]

    def saliency(self, evidence):
        self.clock.advance(3.0 * len(evidence.images))
        return super().saliency(evidence)


@pytest.fixture
def clock(net, monkeypatch) -> FakeClock:
    """Return a clock on which the model takes two seconds an image."""
    clock = FakeClock()
    net.stem.register_forward_hook(lambda module, inputs, output: clock.advance(2.0 * len(output)))
    monkeypatch.setattr("camaug.experiments.run_time.now", clock)
    monkeypatch.setattr(SlowGradCAM, "clock", clock, raising=False)
    return clock


def test_rows_are_methods_for_one_image_and_for_batches(net, images, explainers, clock):
    methods = [GroupCAM(groups=4), SlowGradCAM(), explainers["refusing"]()]
    report = RunTimeExperiment(methods, batch_sizes=[1, 3], rounds=2).run(net, [ImageBatch(images)])
    table = report.table("run time")
    assert table.column("method") == ["one forward pass", "group-cam groups=4", "SlowGradCAM"] * 2
    assert table.column("batch size") == [1, 1, 1, 3, 3, 3]
    assert table.column("queries") == [1, 6, 1] * 2
    assert table.notes == ("left out: Refusing, which does not support this model: it has no such layer",)
    assert table.column("ms per image") == pytest.approx([2000, 12_000, 5000] * 2)
    assert table.column("ratio to a forward pass") == pytest.approx([1, 6, 2.5] * 2)


def test_a_batch_larger_than_the_images_is_all_of_them(net, images):
    report = RunTimeExperiment(["grad-cam"], batch_sizes=[2, 16, 64], rounds=1).run(net, [ImageBatch(images)])
    assert report.tables[0].column("batch size") == [2, 2, 4, 4]


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
