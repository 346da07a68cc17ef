"""One explanation method a file, named as the method; a new one is a new file here, imported below."""

from camaug.explainers.base import Evidence, Explainer, Explanation
from camaug.explainers.grad_cam import GradCAM
from camaug.explainers.group_cam import GroupCAM
from camaug.explainers.registry import get_explainer, list_explainers, register_explainer

__all__ = [
    "Evidence",
    "Explainer",
    "Explanation",
    "GradCAM",
    "GroupCAM",
    "get_explainer",
    "list_explainers",
    "register_explainer",
]
