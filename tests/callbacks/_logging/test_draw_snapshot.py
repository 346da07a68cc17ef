"""Images of a snapshot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from camaug.callbacks._logging import trust_warnings
from camaug.callbacks._logging.draw_snapshot import GREY, draw_overview, draw_panels
from camaug.images.render import caption
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


def test_panels_and_overview_have_the_sizes_that_tensorboard_shows():
    snapshot = replace(make_snapshot(torch.rand(3, 16, 16)), labels=[0, 1, None])
    panels = draw_panels(snapshot, ("ant", "bee"), "viridis", 0.5)
    assert {panel.shape for panel in panels} == {panels[0].shape}
    assert panels[0].shape[2] == 3 * SIDE + 2 * 4
    assert draw_overview(snapshot, None, "viridis", 0.5).shape[0] == 3
    shows_true_class = [bool(panel[:, :SIDE, -SIDE:].std() > 0.01) for panel in panels]
    assert shows_true_class == [False, True, False]  # the wrong prediction alone
