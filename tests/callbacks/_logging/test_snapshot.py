"""A heatmap that fails says so."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from camaug import GradCAM
from camaug.callbacks import CamLogger
from camaug.callbacks._logging.snapshot import NEUTRAL, Snapshot, doubt, doubts, figures, panels
from camaug.images.render import caption
from camaug.metrics import centre_bias


def snapshot(maps: torch.Tensor, probabilities: torch.Tensor) -> Snapshot:
    count = len(maps)
    predicted = torch.zeros(count, dtype=torch.int64)
    return Snapshot(range(count), [0] * count, torch.rand(count, 3, 16, 16), probabilities, predicted, maps, maps, None)


def test_doubts_by_hand():
    maps = torch.zeros(3, 16, 16)
    maps[0, 3, 4] = 1
    probabilities = torch.tensor([[0.7, 0.3], [0.7, 0.3], [float("nan"), 0.3]])
    seen = snapshot(maps, probabilities)
    assert [doubt(seen, place) for place in range(3)] == ["", "blank map", "answer not finite"]
    assert doubts(seen) == {"answer not finite": 1, "blank map": 1}


def test_doubts_about_heatmaps_that_are_the_same():
    """A threshold of 0.99, and one reason each: the first that speaks against it."""
    maps, probabilities = torch.rand(5, 16, 16), torch.tensor([[0.7, 0.3]]).expand(5, 2)
    maps[4] = 0
    seen = replace(
        snapshot(maps, probabilities),
        class_similarity=torch.tensor([0.98, 0.99, 0.5, 1.0, 1.0]),
        head_similarity=torch.tensor([0.98, -0.2, 0.99, 1.0, 1.0]),
    )
    said = [doubt(seen, place) for place in range(5)]
    assert said == ["", "ignores the class", "ignores the head", "ignores the class", "blank map"]
    assert doubts(seen) == {"blank map": 1, "ignores the class": 2, "ignores the head": 1}
    shown = figures(seen)
    assert shown["class_similarity"] == pytest.approx((0.98 + 0.99 + 0.5 + 1 + 1) / 5)
    assert shown["head_similarity"] == pytest.approx((0.98 - 0.2 + 0.99 + 1 + 1) / 5)
    assert "class_similarity" not in figures(snapshot(maps, probabilities))


def test_centre_bias_is_a_figure_of_every_look():
    maps, probabilities = torch.zeros(2, 16, 16), torch.tensor([[0.7, 0.3]]).expand(2, 2)
    maps[:, 4:12, 4:12] = 1
    shown = figures(snapshot(maps, probabilities))["centre_bias"]
    assert shown == pytest.approx(float(centre_bias(maps)[0]))
    assert shown > 0.5


@pytest.mark.parametrize("said", ["blank map", "answer not finite", "ignores the class", "ignores the head"])
def test_doubts_can_be_read_whole(said):
    """What is too long ends in an ellipsis, and looks the same however it goes on."""
    whole, longer = (caption(torch.zeros(3, 192, 192), ["", text], mark=NEUTRAL) for text in (said, said + "M"))
    assert not torch.equal(whole, longer)


def test_images_without_an_object_are_left_out_of_its_figures():
    maps, probabilities = torch.ones(3, 16, 16), torch.tensor([[0.7, 0.3]]).expand(3, 2)
    masks = torch.zeros(3, 16, 16, dtype=torch.bool)
    masks[1, :8] = True
    assert figures(replace(snapshot(maps, probabilities), masks=masks))["object_energy"] == pytest.approx(0.5)
    assert "object_energy" not in figures(replace(snapshot(maps, probabilities), masks=masks & False))


def test_the_caption_of_a_blank_map_differs():
    probabilities = torch.tensor([[0.7, 0.3]])
    pictures = [
        panels(snapshot(maps, probabilities), None, "turbo", 0.0)[0]
        for maps in (torch.zeros(1, 16, 16), torch.rand(1, 16, 16))
    ]
    below = 192  # the heat's strength is 0, so the panels differ in their captions alone
    assert pictures[0].shape == pictures[1].shape
    assert not torch.equal(pictures[0][:, below:], pictures[1][:, below:])


class Blank(GradCAM):
    def saliency(self, evidence):
        return torch.zeros(len(evidence.images), 4, 4)


def test_one_warning_where_most_heatmaps_are_blank(module, loader, make_trainer, read_events):
    trainer = make_trainer(CamLogger(Blank(), images=3), max_epochs=3)
    with pytest.warns(UserWarning, match=r"3 of 3 heatmaps of grad-cam are not to be trusted \(blank map\)") as said:
        trainer.fit(module, loader, loader)
    assert len([warning for warning in said if "not to be trusted" in str(warning.message)]) == 1
    assert [event.value for event in read_events().Scalars("cam/constant_maps")] == [1, 1, 1]


class SameForAny(GradCAM):
    """Sees the images alone, though it claims to look at the class."""

    def saliency(self, evidence):
        return evidence.images.mean(dim=1)


class SameWithRandomHead(GradCAM):
    """Sees the class's number, but nothing that was learned."""

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
def test_heatmaps_that_are_the_same_are_found_out(
    module, loader, make_trainer, read_events, explainer, reason, expected
):
    trainer = make_trainer(CamLogger(explainer, images=3, trust_every_n_epochs=2), max_epochs=5)
    with pytest.warns(UserWarning, match=rf"3 of 3 heatmaps of grad-cam are not to be trusted \({reason}\)") as said:
        trainer.fit(module, loader, loader)
    assert len([warning for warning in said if "not to be trusted" in str(warning.message)]) == 1
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
    "settings", [{"explainer": "eigen-cam"}, {"explainer": "grad-cam", "trust_every_n_epochs": None}]
)
def test_what_is_not_compared(module, loader, make_trainer, read_events, settings):
    """Methods that are the same for every class by design, and none where none is asked for."""
    make_trainer(CamLogger(images=3, **settings)).fit(module, loader, loader)
    assert "cam/centre_bias" in read_events().Tags()["scalars"]
    assert not {"cam/class_similarity", "cam/head_similarity"} & set(read_events().Tags()["scalars"])


def test_a_failed_comparison_takes_no_heatmap_away(module, loader, make_trainer, read_events, monkeypatch):
    def fail(*args, **settings):
        raise RuntimeError("no head today")

    monkeypatch.setattr("camaug.callbacks.cam_logger.head_similarity", fail)
    with pytest.warns(UserWarning, match="could not compare heatmaps with those of another class") as said:
        make_trainer(CamLogger("grad-cam", images=3, trust_every_n_epochs=1), max_epochs=2).fit(module, loader, loader)
    assert len([warning for warning in said if "no head today" in str(warning.message)]) == 1
    assert len(read_events().Images("cam/overview")) == 2
    assert "cam/class_similarity" not in read_events().Tags()["scalars"]


def test_trust_in_validation_and_impossible_settings(module, loader, make_trainer, read_events):
    make_trainer(CamLogger("grad-cam", images=3)).validate(module, loader, verbose=False)
    assert "cam_validate/head_similarity" in read_events().Tags()["scalars"]
    with pytest.raises(ValueError, match="`trust_every_n_epochs` must be at least 1, got 0"):
        CamLogger(trust_every_n_epochs=0)


def test_no_warning_where_they_show_something(module, loader, make_trainer):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", category=Warning, module="lightning.*")
        make_trainer(CamLogger("layer-cam", images=3)).fit(module, loader, loader)
