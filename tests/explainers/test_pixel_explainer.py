from __future__ import annotations

import sys

import pytest
import torch

from camaug import get_explainer
from tests.explainers.raw_maps import TARGETS, raw_maps


@pytest.mark.parametrize("name", ["gradient", "guided-grad-cam", "integrated-gradients", "smooth-grad"])
def test_clipping_brightens_maps_with_few_extreme_pixels(net, images, name):
    clipped, whole = (get_explainer(name, clip=clip)(net, images, TARGETS).maps for clip in (90, 100))
    mean = (raw_maps(name, net, images, TARGETS, clip=90), raw_maps(name, net, images, TARGETS, clip=100))
    limit = mean[1].flatten(1).quantile(0.9, dim=1)[:, None, None]
    torch.testing.assert_close(mean[0], torch.minimum(mean[1], limit))
    assert clipped.mean() > whole.mean()
    with pytest.raises(ValueError, match="`clip` is a percentile and must be above 0 and at most 100, got 0"):
        get_explainer(name, clip=0)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("gradient", "captum.attr", "captum"),
        ("guided-grad-cam", "captum.attr", "captum"),
        ("xrai", "skimage.segmentation", "scikit-image"),
    ],
)
def test_missing_packages_are_named(monkeypatch, net, images, name, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"the explainer '{name}' needs {package}, which is not installed: pip install 'camaug\[pixels\]'"
    with pytest.raises(ImportError, match=message):
        get_explainer(name, **({"steps": 2} if name == "xrai" else {}))(net, images)
