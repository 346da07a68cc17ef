"""Warnings about heatmaps that are not to be trusted."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from camaug import GradCAM
from camaug.callbacks import CamLogger
from camaug.callbacks._logging.trust_warnings import count_trust_warnings, trust_warning
from tests.callbacks._logging.make_snapshot import make_snapshot


def test_one_reason_by_hand():
    maps = torch.zeros(3, 16, 16)
    maps[0, 3, 4] = 1
    probabilities = torch.tensor([[0.7, 0.3], [0.7, 0.3], [float("nan"), 0.3]])
    snapshot = make_snapshot(maps, probabilities)
    assert [trust_warning(snapshot, position) for position in range(3)] == ["", "constant map", "logits not finite"]
    assert count_trust_warnings(snapshot) == {"constant map": 1, "logits not finite": 1}


def test_the_first_of_several_reasons_counts():
    maps = torch.rand(5, 16, 16)
    maps[4] = 0
    snapshot = replace(
        make_snapshot(maps),
        class_similarity=torch.tensor([0.98, 0.99, 0.5, 1.0, 1.0]),
        head_similarity=torch.tensor([0.98, -0.2, 0.99, 1.0, 1.0]),
    )
    warnings_ = [trust_warning(snapshot, position) for position in range(5)]
    assert warnings_ == ["", "ignores the class", "ignores the head", "ignores the class", "constant map"]
    assert count_trust_warnings(snapshot) == {"constant map": 1, "ignores the class": 2, "ignores the head": 1}


class AlwaysConstant(GradCAM):
    def saliency(self, evidence):
        return torch.zeros(len(evidence.images), 4, 4)


def test_most_heatmaps_constant_is_one_warning(module, loader, make_trainer, read_events):
    trainer = make_trainer(CamLogger(AlwaysConstant(), num_images=3), max_epochs=3)
    with pytest.warns(
        UserWarning, match=r"3 of 3 heatmaps .* \(constant map\): the method found no evidence .*; try"
    ) as caught:
        trainer.fit(module, loader, loader)
    assert len([warning for warning in caught if "not to be trusted" in str(warning.message)]) == 1
    assert [event.value for event in read_events().Scalars("cam/constant_maps")] == [1, 1, 1]


class SameForAny(GradCAM):
    """A method that reads only the images, but is declared as class-specific."""

    def saliency(self, evidence):
        return evidence.images.mean(dim=1)


class SameWithRandomHead(GradCAM):
    """A method that reads the class index, but no weight."""

    def saliency(self, evidence):
        maps = evidence.images.mean(dim=1)
        return torch.stack([maps[n].roll(7 * int(t), 1) for n, t in enumerate(evidence.target.classes)])


@pytest.mark.parametrize(
    ("explainer", "reason", "expected"),
    [
        (SameForAny(), "ignores the class", {"class_similarity": 1.0, "head_similarity": 1.0}),
        (SameWithRandomHead(), "ignores the head", {"head_similarity": 1.0}),
    ],
)
def test_heatmaps_that_ignore_the_class_or_the_head_are_one_warning(
    module, loader, make_trainer, read_events, explainer, reason, expected
):
    trainer = make_trainer(CamLogger(explainer, num_images=3, trust_every_n_snapshots=2), max_epochs=5)
    with pytest.warns(
        UserWarning, match=rf"3 of 3 heatmaps of grad-cam are not to be trusted \({reason}\): .*; try"
    ) as caught:
        trainer.fit(module, loader, loader)
    assert len([warning for warning in caught if "not to be trusted" in str(warning.message)]) == 1
    events = read_events()
    for name in ("class_similarity", "head_similarity"):
        scalars = events.Scalars(f"cam/{name}")
        assert len(scalars) == 3  # epochs 0, 2 and 4
        if name in expected:
            assert [scalar.value for scalar in scalars] == pytest.approx([expected[name]] * 3, abs=1e-6)
        else:
            assert all(scalar.value < 0.9 for scalar in scalars)
    assert len(events.Scalars("cam/centre_bias")) == 5


@pytest.mark.parametrize(
    "settings", [{"explainer": "eigen-cam"}, {"explainer": "grad-cam", "trust_every_n_snapshots": None}]
)
def test_methods_that_are_not_checked(module, loader, make_trainer, read_events, settings):
    """Class-independent methods are not checked, and no method is if the check is off."""
    make_trainer(CamLogger(num_images=3, **settings)).fit(module, loader, loader)
    assert "cam/centre_bias" in read_events().Tags()["scalars"]
    assert not {"cam/class_similarity", "cam/head_similarity"} & set(read_events().Tags()["scalars"])


def test_a_failed_check_leaves_the_heatmaps(module, loader, make_trainer, read_events, monkeypatch):
    def fail(*args, **settings):
        raise RuntimeError("no head today")

    monkeypatch.setattr("camaug.callbacks._logging.with_similarities.head_similarity", fail)
    with pytest.warns(UserWarning, match="could not compare heatmaps with those of another class") as caught:
        make_trainer(CamLogger("grad-cam", num_images=3, trust_every_n_snapshots=1), max_epochs=2).fit(
            module, loader, loader
        )
    assert len([warning for warning in caught if "no head today" in str(warning.message)]) == 1
    assert len(read_events().Images("cam/overview")) == 2
    assert "cam/class_similarity" not in read_events().Tags()["scalars"]


def test_validation_is_checked_too(module, loader, make_trainer, read_events):
    make_trainer(CamLogger("grad-cam", num_images=3)).validate(module, loader, verbose=False)
    assert "cam_validate/head_similarity" in read_events().Tags()["scalars"]
    with pytest.raises(ValueError, match="`trust_every_n_snapshots` must be at least 1, got 0"):
        CamLogger(trust_every_n_snapshots=0)


def test_no_warning_for_heatmaps_that_show_something(module, loader, make_trainer):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", category=Warning, module="lightning.*")
        make_trainer(CamLogger("layer-cam", num_images=3)).fit(module, loader, loader)
