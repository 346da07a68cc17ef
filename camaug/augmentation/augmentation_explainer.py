"""The explainer that the paper augments with."""

from __future__ import annotations

from camaug.explainers.methods.group_cam import GroupCAM

__all__ = ["augmentation_explainer"]


def augmentation_explainer() -> GroupCAM:
    """Return Group-CAM as used for augmentation (arXiv 2103.13859, section 5): 16 groups and no backward pass."""
    return GroupCAM(theta=None, weighted=False)
