"""Layers of a traced forward pass that can serve as the target layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from camaug.inspection.feature_grid import FeatureGrid, guess_feature_grid, match_feature_grid
from camaug.inspection.feature_maps import channels_first, image_size, is_spatial
from camaug.inspection.model_output import head_widths
from camaug.inspection.trace import Call, Trace

__all__ = ["Candidate", "known_feature_grids", "list_candidates"]


class Candidate(NamedTuple):
    """A layer's call and the arrangement of its output."""

    call: Call
    grid: FeatureGrid


def list_candidates(traced: Trace, *, prefix_tokens: int | None) -> list[Candidate]:
    """List the layers with spatial outputs, the best first.

    1. Layers whose outputs are the model's own ``forward_intermediates`` of at least two rows and columns, the blocks
       between them with as many tokens, and, if the last of these outputs is a feature map, the feature maps after it.
       They count only if some layer outputs the last of the intermediates.
    2. All other layers whose output or input is one of the intermediates, feature maps, and blocks of tokens.

    Within each group the last layer comes first.

    Args:
        traced: The traced forward pass.
        prefix_tokens: Number of tokens before the patch tokens, where it is known.

    Returns:
        The last call of each module, and the arrangement of its output.
    """
    calls = _last_calls(_before_head(traced))
    intermediates = [maps for maps in traced.intermediates if is_spatial(maps, image_size(traced.images))]
    outputs = _matching_outputs(calls, intermediates)
    inputs = _matching_inputs(calls, intermediates)
    maps = _feature_maps(calls, image_size(traced.images))
    known = _grids_by_token_count(outputs + inputs)
    token_layers = _token_layers(calls, image_size(traced.images), prefix_tokens, known, maps)
    blocks = [candidate for candidate in token_layers if not candidate.call.is_leaf]
    norms = [candidate for candidate in token_layers if _is_norm(candidate.call)]
    # A block that returns a tuple outputs no tensor of its own; the next norm then takes in all of its output.
    others = outputs + inputs + maps + blocks + ([] if blocks and not known else norms)
    positions = {call.name: position for position, call in enumerate(calls)}
    best = _best(outputs, blocks, maps, intermediates, positions)
    ranked: dict[str, Candidate] = {}
    for candidate in _last_first(best, positions) + _last_first(others, positions):
        ranked.setdefault(candidate.call.name, candidate)
    return list(ranked.values())


def known_feature_grids(traced: Trace) -> dict[str, FeatureGrid]:
    """Return the arrangement of each layer's output, by name, as far as ``forward_intermediates`` determines it.

    A layer of tokens has the arrangement of the intermediates with as many tokens.
    """
    calls = _last_calls(traced.calls)
    matches = _matching_inputs(calls, traced.intermediates) + _matching_outputs(calls, traced.intermediates)
    by_count = _grids_by_token_count(matches)
    token_calls = (call for call in calls if len(call.shape) == 3)
    known = {call.name: by_count[call.shape[1]] for call in token_calls if call.shape[1] in by_count}
    return known | {call.name: grid for call, grid in matches}


def _last_calls(calls: list[Call]) -> list[Call]:
    """Return the last call of each module, since that is the one whose output is captured."""
    last = {call.module: call for call in calls}
    return [call for call in calls if last[call.module] is call]


def _before_head(traced: Trace) -> list[Call]:
    """Return the calls before the head: the last layer with weights, if it outputs one value per class."""
    logits = traced.logits
    widths = head_widths(logits) if isinstance(logits, Tensor) and logits.dim() == 2 else set()
    with_weights = [position for position, call in enumerate(traced.calls) if call.has_weights]
    if with_weights:
        shape = traced.calls[with_weights[-1]].shape
        if len(shape) > 1 and widths & {shape[1], shape[-1]}:
            return traced.calls[: with_weights[-1]]
    return traced.calls


def _best(
    outputs: list[Candidate],
    blocks: list[Candidate],
    maps: list[Candidate],
    intermediates: list[Tensor],
    positions: dict[str, int],
) -> list[Candidate]:
    """Return the first group of :func:`list_candidates`."""
    if not _matching_outputs([call for call, _ in outputs], intermediates[-1:]):
        return []
    token_counts = _grids_by_token_count(outputs)
    best = outputs + [block for block in blocks if block.call.shape[1] in token_counts]
    last = outputs[-1]
    if last.grid.tokens is None:
        best += [each for each in maps if positions[each.call.name] > positions[last.call.name]]
    return best


def _matching_outputs(calls: list[Call], intermediates: list[Tensor]) -> list[Candidate]:
    """Return the calls whose output is one of the intermediates."""
    return _matching(((call, call.output) for call in calls), intermediates)


def _matching_inputs(calls: list[Call], intermediates: list[Tensor]) -> list[Candidate]:
    """Return the calls of leaf modules (norms, for example) whose input tokens are one of the intermediates.

    Such an intermediate may be the output of no module: a sum of branches, or an element of a tuple. A leaf module
    leaves every token in its position.
    """
    leaves = (call for call in calls if call.is_leaf and call.input is not None and call.input.dim() == 3)
    return _matching(((call, call.input) for call in leaves), intermediates)


def _matching(tensors: Iterable[tuple[Call, Tensor | None]], intermediates: list[Tensor]) -> list[Candidate]:
    candidates = []
    for call, tensor in tensors:
        if tensor is None:
            continue
        grids = (match_feature_grid(tensor, maps) for maps in reversed(intermediates))
        grid = next((grid for grid in grids if grid is not None), None)
        if grid is not None:
            candidates.append(Candidate(call, grid))
    return candidates


def _feature_maps(calls: list[Call], size: tuple[int, int]) -> list[Candidate]:
    """Return the calls whose output looks like feature maps of an image of this size."""
    token_counts = {call.shape[1] for call in calls if len(call.shape) == 3}
    candidates = []
    for call in calls:
        if call.output is None or call.output.dim() != 4:
            continue
        maps = channels_first(call.output, size)
        height, width = maps.shape[2:]
        # Tensors (N, heads, tokens, channels) and attention matrices have a side of as many elements as tokens.
        has_token_side = height in token_counts or width in token_counts
        has_aspect_ratio = 0.5 <= height * size[1] / (width * size[0]) <= 2
        if is_spatial(maps, size) and has_aspect_ratio and not has_token_side:
            candidates.append(Candidate(call, FeatureGrid((height, width), channels_last=maps is not call.output)))
    return candidates


def _token_layers(
    calls: list[Call],
    size: tuple[int, int],
    prefix_tokens: int | None,
    known: dict[int, FeatureGrid],
    maps: list[Candidate],
) -> list[Candidate]:
    """Return the calls that turn tokens (N, L, K) into tokens of the same shape."""
    map_sizes = [candidate.grid.size for candidate in maps]
    candidates = []
    for call in calls:
        if call.output is None or call.output.dim() != 3 or call.input is None:
            continue
        grid = known.get(call.shape[1]) or guess_feature_grid(
            call.output, size, prefix_tokens=prefix_tokens, sizes=map_sizes
        )
        if grid is not None:
            candidates.append(Candidate(call, grid))
    return candidates


def _is_norm(call: Call) -> bool:
    """Return True if all weights of the layer are vectors, as in a norm, which scales each channel by itself."""
    return call.is_leaf and call.has_weights and all(weight.dim() == 1 for weight in call.module.parameters())


def _grids_by_token_count(candidates: list[Candidate]) -> dict[int, FeatureGrid]:
    """Return the arrangements of tokens by the number of tokens."""
    return {call.shape[1]: grid for call, grid in candidates if grid.tokens is not None}


def _last_first(candidates: list[Candidate], positions: dict[str, int]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: positions[candidate.call.name], reverse=True)
