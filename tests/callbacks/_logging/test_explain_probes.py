"""Probe images with many labels, beside those with few in ``test_film_strip.py``."""

from __future__ import annotations

import torch

from camaug.callbacks._logging.explain_probes import explain_probes
from camaug.callbacks._logging.image_display import ImageDisplay
from camaug.callbacks._logging.probes import Probes
from camaug.explainers import Explanation

LABELS = tuple(range(10))
LOGITS = torch.linspace(-2, 3, 12)[None]  # classes 10 and 11 are the most probable ones, and no labels


def explain(images: torch.Tensor, targets: torch.Tensor | None) -> Explanation:
    """Explain each class by a constant map of a hundredth of its index."""
    classes = LOGITS.argmax(dim=1) if targets is None else targets
    maps = (classes / 100)[..., None, None].expand(*classes.shape, *images.shape[-2:])
    return Explanation(maps, LOGITS, classes)


def test_the_first_label_is_compared_even_if_eight_others_are_more_probable():
    probes = Probes([torch.rand(1, 3, 4, 4)], [7], positives=[LABELS], has_several=True)
    snapshot = explain_probes(probes, explain, ImageDisplay(), torch.device("cpu"))
    assert list(snapshot.class_maps(0)) == [11, *range(9, 1, -1)]
    for each, map_ in snapshot.class_maps(0).items():
        assert torch.allclose(map_, torch.full((4, 4), each / 100))
    assert torch.equal(snapshot.true_maps, torch.zeros(1, 4, 4))  # of class 0
    assert snapshot.missed(0) == [0, 1, 2, 3, 4]
    assert snapshot.false_positives(0) == [11, 10]
