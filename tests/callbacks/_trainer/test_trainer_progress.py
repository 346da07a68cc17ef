"""Bars of a callback's own work in the Trainer's display."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar

from camaug.callbacks._trainer import trainer_progress as module
from camaug.callbacks._trainer.trainer_progress import trainer_progress
from camaug.utils import progress
from tests.toys import ToyClassifier
from tests.utils.test_progress import RingsAtOnce, printed, terminal


def trainer_with(bar, is_global_zero: bool = True) -> SimpleNamespace:
    return SimpleNamespace(progress_bar_callback=bar, is_global_zero=is_global_zero)


@pytest.fixture
def long_wait(monkeypatch):
    """Let every wait be long from its beginning."""
    monkeypatch.setattr(module, "with_progress", partial(progress.with_progress, timer=RingsAtOnce))


@pytest.mark.usefixtures("long_wait")
def test_a_bar_is_added_to_the_display_of_rich_and_removed(monkeypatch):
    console = terminal()
    display = progress._new_display(console)
    with display:
        epoch = display.add_task("Epoch 0", total=3)
        bar = RichProgressBar()
        bar.progress = display
        assert list(trainer_progress(trainer_with(bar), "abc", "evaluating heatmaps", total=3)) == list("abc")
        assert display.task_ids == [epoch]
    assert "evaluating heatmaps" in printed(console)
    assert "3/3" in printed(console)


@pytest.mark.usefixtures("long_wait")
@pytest.mark.parametrize(("bar", "is_global_zero"), [(None, True), (RichProgressBar(), False)])
def test_nothing_is_shown_without_a_bar_or_by_another_process(bar, is_global_zero, monkeypatch):
    monkeypatch.setattr(module, "with_progress", lambda *a, **k: pytest.fail("it would be shown"))
    assert list(trainer_progress(trainer_with(bar, is_global_zero), "abc", "evaluating")) == list("abc")


@pytest.mark.usefixtures("long_wait")
def test_a_display_of_its_own_beside_another_kind_of_bar(monkeypatch):
    console = terminal()
    monkeypatch.setattr(progress, "Console", lambda **settings: console)
    assert list(trainer_progress(trainer_with(TQDMProgressBar()), "abc", "evaluating heatmaps")) == list("abc")
    assert "evaluating heatmaps" in printed(console)


@pytest.mark.usefixtures("long_wait")
def test_a_run_with_lightnings_bar_has_bars_of_snapshots_and_evaluations(make_trainer, loader, monkeypatch):
    from camaug.callbacks import CamEvaluator, CamLogger

    console = terminal()
    monkeypatch.setattr("lightning.pytorch.callbacks.progress.rich_progress.get_console", lambda: console)
    callbacks = CamLogger("grad-cam", num_images=4), CamEvaluator("drift", explainer="grad-cam", num_images=4)
    bar = RichProgressBar(leave=True)
    make_trainer(*callbacks, bar, max_epochs=1, enable_progress_bar=True).fit(ToyClassifier(), loader, loader)
    assert "explaining probe images" in printed(console)
    assert "evaluating heatmaps" in printed(console)
