"""Explainers with few queries and small blurs, for the small images of the tests."""

from __future__ import annotations

from typing import Any

from camaug import Explainer, get_explainer, list_explainers

SMALL_GROUP_CAM: dict[str, Any] = {
    "groups": 4,
    "theta": None,
    "weighted": False,
    "blur_kernel_size": 5,
    "blur_sigma": 5.0,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "group-cam": {"groups": 4},
    "integrated-gradients": {"steps": 8},
    "is-cam": {"steps": 2},
    "noise-smooth": {"samples": 2},
    "rise": {"masks": 40, "cells": 4},
    "smooth-grad": {"samples": 3},
    "smooth-grad-cam++": {"samples": 2},
    "ss-cam": {"samples": 2, "std": 0.5},
    "verified-cam": {"shares": (0.2,)},
    "xrai": {"steps": 4, "smallest": 4, "scales": (10, 50)},
}
TRANSFORMERS_ONLY = ("legrad",)
CONVOLUTIONAL = [name for name in list_explainers() if name not in TRANSFORMERS_ONLY]


def small(name: str, **settings: Any) -> Explainer:
    """Return a registered explainer with few queries."""
    return get_explainer(name, **SETTINGS.get(name, {}) | settings)
