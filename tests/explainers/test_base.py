"""The short description of an explanation."""

from __future__ import annotations

import torch

from camaug import GradCAM, get_explainer


def test_an_explanation_is_shown_on_one_short_line(net, images):
    shown = repr(GradCAM(layer="body")(net, images, 3))
    assert shown == f"Explanation(grad-cam, maps={(4, *images.shape[2:])}, targets=[3, 3, 3, 3], layers=['body'])"
    labels = torch.tensor([[0, 1], [2, -1]])
    several = GradCAM(layer="body")(net, images[:2], labels)
    assert repr(several).endswith("targets=[[0, 1], [2, -1]], layers=['body'])")


def test_many_targets_are_cut_and_missing_layers_left_out(net, images):
    shown = repr(get_explainer("rise", masks=2)(net, images.repeat(3, 1, 1, 1), 1))
    assert shown.endswith("targets=[1, 1, 1, 1, 1, 1, 1, 1, …])")
