"""Images of a snapshot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug.callbacks._logging import trust_warnings
from camaug.callbacks._logging.draw_snapshot import GREY, _label_errors, _wrong_class, draw_overview, draw_panels
from camaug.functional.masks import upsample
from camaug.images.render import caption, overlay
from tests.callbacks._logging.make_snapshot import make_snapshot

SIDE = 192


@pytest.mark.parametrize(
    "warning",
    [
        trust_warnings.CONSTANT,
        trust_warnings.NOT_FINITE,
        trust_warnings.IGNORES_CLASS,
        trust_warnings.IGNORES_HEAD,
    ],
)
def test_trust_warnings_fit_into_a_caption(warning):
    """A line that is too long ends in an ellipsis and is drawn the same however it continues."""
    line, longer = (caption(torch.zeros(3, SIDE, SIDE), ["", text], mark=GREY) for text in (warning, warning + "M"))
    assert not torch.equal(line, longer)


def test_the_caption_of_a_constant_map_differs():
    panels = [
        draw_panels(make_snapshot(maps), None, "turbo", 0.0)[0]
        for maps in (torch.zeros(1, 16, 16), torch.rand(1, 16, 16))
    ]
    assert panels[0].shape == panels[1].shape
    # The heatmap's strength is 0, so that the panels differ in their captions alone.
    assert not torch.equal(panels[0][:, SIDE:], panels[1][:, SIDE:])


def test_missed_labels_and_false_positives_are_named_and_drawn():
    probabilities = torch.tensor([[0.9, 0.2, 0.1], [0.9, 0.6, 0.8], [0.9, 0.8, 0.1]])
    maps = torch.rand(3, 16, 16)
    snapshot = replace(
        make_snapshot(torch.zeros(3, 16, 16), probabilities),
        images=torch.zeros(3, 3, 16, 16),
        positives=[(0, 1)] * 3,
        has_several=True,
        label_maps=[{1: maps[0]}, {1: maps[1], 2: maps[2]}, {1: maps[1]}],
    )
    assert [_label_errors(snapshot, position, ("ant", "bee", "cat")) for position in range(3)] == [
        "misses bee", "false: cat", ""
    ]  # fmt: skip
    assert [_wrong_class(snapshot, position) for position in range(3)] == [1, 2, None]
    panels = draw_panels(snapshot, ("ant", "bee", "cat"), "viridis", 1.0)
    last = torch.stack([panel[:, :SIDE, -SIDE:] for panel in panels])
    assert torch.equal(last[:2], overlay(torch.zeros(2, 3, SIDE, SIDE), enlarged(maps[[0, 2]]), "viridis", 1.0))
    assert last[2].std() < 0.01


def enlarged(maps: torch.Tensor) -> torch.Tensor:
    return upsample(maps[:, None], (SIDE, SIDE))[:, 0]


def test_panels_and_overview_have_the_sizes_that_tensorboard_shows():
    snapshot = replace(make_snapshot(torch.rand(3, 16, 16)), labels=[0, 1, None])
    panels = draw_panels(snapshot, ("ant", "bee"), "viridis", 0.5)
    assert {panel.shape for panel in panels} == {panels[0].shape}
    assert panels[0].shape[2] == 3 * SIDE + 2 * 4
    assert draw_overview(snapshot, None, "viridis", 0.5).shape[0] == 3
    shows_true_class = [bool(panel[:, :SIDE, -SIDE:].std() > 0.01) for panel in panels]
    assert shows_true_class == [False, True, False]  # the wrong prediction alone
