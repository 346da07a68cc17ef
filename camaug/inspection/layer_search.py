"""Search for the target layer in one traced forward pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from camaug.inspection.feature_maps import count_prefix_tokens
from camaug.inspection.layer_candidates import Candidate, list_candidates
from camaug.inspection.quantised import refuse_quantised
from camaug.inspection.reaches_score import reaches_score
from camaug.inspection.trace import Forward, Trace, trace_noise

__all__ = ["LayerSearch", "search_target_layer"]


@dataclass(frozen=True)
class LayerSearch:
    """Result of a search for the target layer.

    Attributes:
        traced: The traced forward pass.
        target: The target layer.
        later_choices: The candidates that rank below it, the best first.
    """

    traced: Trace
    target: Candidate
    later_choices: list[Candidate]


def search_target_layer(model: nn.Module, forward: Forward, images: Tensor) -> LayerSearch:
    """Find the best candidate whose spatial positions reach the score.

    Run it inside :func:`~camaug.inspection.neutral.neutral`.

    Args:
        model: The classifier, unwrapped.
        forward: The function from images to logits.
        images: One image, (1, C, H, W).

    Raises:
        ValueError: If no candidate reaches the score, or the model is quantised.
    """
    refuse_quantised(model)
    traced = trace_noise(model, forward, images)
    candidates = list_candidates(traced, prefix_tokens=count_prefix_tokens(model))
    for poison in (math.nan, 100.0):
        for position, candidate in enumerate(candidates):
            if reaches_score(forward, traced, candidate.call, candidate.grid, poison=poison):
                return LayerSearch(traced, candidate, candidates[position + 1 :])
    raise ValueError(_no_layer_message(model, traced, candidates))


def _no_layer_message(model: nn.Module, traced: Trace, candidates: list[Candidate]) -> str:
    names = ", ".join(call.name for call, _ in candidates[:8])
    outcome = f"The logits do not depend on {names}. " if names else "There are none. "
    return (
        f"found no layer of {type(model).__name__} whose spatial features reach the score, so there is nothing to "
        "compute a map from. Looked for: the model's own `forward_intermediates`; feature maps (N, K, h, w) with "
        "h, w > 1 up to the classification head; blocks of tokens (N, L, K) that make a grid of the image's aspect "
        f"ratio. {outcome}If the model has such features, name the layer: layer='NAME', one of {_late_names(traced)}. "
        "If it has none, choose a method without a layer: explainer='rise'"
    )


def _late_names(traced: Trace) -> str:
    names = [call.name for call in traced.calls if len(call.shape) >= 3 and (call.has_weights or not call.is_leaf)]
    return ", ".join(names[-8:]) or "its layers with spatial outputs"
