"""A heatmap that fails says so."""

from __future__ import annotations

import warnings

import pytest
import torch

from camaug import GradCAM
from camaug.callbacks import CamLogger
from camaug.callbacks.look import Look, doubt, doubts, panels


def look(maps: torch.Tensor, probabilities: torch.Tensor) -> Look:
    count = len(maps)
    predicted = torch.zeros(count, dtype=torch.int64)
    return Look(range(count), [0] * count, torch.rand(count, 3, 16, 16), probabilities, predicted, maps, maps, None)


def test_doubts_by_hand():
    maps = torch.zeros(3, 16, 16)
    maps[0, 3, 4] = 1
    probabilities = torch.tensor([[0.7, 0.3], [0.7, 0.3], [float("nan"), 0.3]])
    seen = look(maps, probabilities)
    assert [doubt(seen, place) for place in range(3)] == ["", "blank map", "answer not finite"]
    assert doubts(seen) == {"answer not finite": 1, "blank map": 1}


def test_the_caption_of_a_blank_map_differs():
    probabilities = torch.tensor([[0.7, 0.3]])
    pictures = [
        panels(look(maps, probabilities), None, "turbo", 0.0)[0]
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
    assert [event.value for event in read_events().Scalars("cam/flat_maps")] == [1, 1, 1]


def test_no_warning_where_they_show_something(module, loader, make_trainer):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", category=Warning, module="lightning.*")
        make_trainer(CamLogger("layer-cam", images=3)).fit(module, loader, loader)
