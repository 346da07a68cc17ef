"""See what an image classifier looks at while it trains, and use it to train it better.

The Lightning side is in ``camaug.callbacks`` and ``camaug.datamodules``; importing this package loads neither
Lightning nor TensorBoard.
"""

from camaug.augment import GroupCamTransform
from camaug.explain import explain
from camaug.explained_image import ExplainedImage
from camaug.explainers import (
    Explainer,
    Explanation,
    GradCAM,
    GroupCAM,
    LayerExplainer,
    get_explainer,
    list_explainers,
    register_explainer,
)
from camaug.fast import FastForward
from camaug.layers import TargetLayer, find_layer, find_layers, spatial_features
from camaug.version import __version__

__all__ = [
    "ExplainedImage",
    "Explainer",
    "Explanation",
    "FastForward",
    "GradCAM",
    "GroupCAM",
    "GroupCamTransform",
    "LayerExplainer",
    "TargetLayer",
    "explain",
    "find_layer",
    "find_layers",
    "get_explainer",
    "list_explainers",
    "register_explainer",
    "spatial_features",
    "__version__",
]
