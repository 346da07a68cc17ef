"""Which layers of a traced forward may serve as the target layer."""

from __future__ import annotations

from torch import Tensor

from camaug.inspection.capture import channels_first, is_grid
from camaug.inspection.feature_grid import FeatureGrid, guess_feature_grid, match_feature_grid
from camaug.inspection.trace import Call, Trace

__all__ = ["known_feature_grids", "list_candidates"]

Candidate = tuple[Call, FeatureGrid]


def list_candidates(seen: Trace, image_size: tuple[int, int], *, prefix_tokens: int | None) -> list[Candidate]:
    """The layers with places, the best first.

    These are the layers that the model's own ``forward_intermediates`` gives, from the last to the first, and with them
    the blocks between that have as many tokens; where the last is a picture, also the pictures that follow it. Where
    no layer puts out the last of what that method gives, or there is none, whatever looks like a picture or like a
    block of tokens is as good.

    Args:
        seen: The forward.
        image_size: Height and width of the image.
        prefix_tokens: How many tokens stand before those of the patches, where it is known.

    Returns:
        Calls of modules, each module once, and the places in their output.
    """
    calls = _last_calls(_before_head(seen))
    put_out = _matched(calls, seen.intermediates)
    taken_in = _matched(calls, seen.intermediates, by_input=True)
    pictures = _pictures(calls, image_size)
    known = _by_length(put_out + taken_in)
    like_tokens = _like_tokens(calls, image_size, prefix_tokens, known, pictures)
    blocks = [(call, places) for call, places in like_tokens if not call.is_leaf]
    norms = [(call, places) for call, places in like_tokens if _is_norm(call)]
    # Norms see all that a block has put out, where the block puts out a tuple and only its branches put out tensors.
    others = put_out + taken_in + pictures + blocks + ([] if blocks and not known else norms)
    best: list[Candidate] = []
    if put_out and _matched([call for call, _ in put_out], seen.intermediates[-1:]):
        last, places = put_out[-1]
        lengths = _by_length(put_out)
        best = put_out + [block for block in blocks if block[0].shape[1] in lengths]
        if places.tokens is None:
            best += [picture for picture in pictures if calls.index(picture[0]) > calls.index(last)]
    ranked: dict[str, Candidate] = {}
    for call, places in _last_first(best, calls) + _last_first(others, calls):
        ranked.setdefault(call.name, (call, places))
    return list(ranked.values())


def known_feature_grids(seen: Trace) -> dict[str, FeatureGrid]:
    """The places in each layer's output, as far as the model's own ``forward_intermediates`` tells them.

    Layers between those that it gives have the arrangement of those with as many tokens.
    """
    calls = _last_calls(seen.calls)
    matched = _matched(calls, seen.intermediates, by_input=True) + _matched(calls, seen.intermediates)
    by_length = _by_length(matched)
    tokens = (call for call in calls if len(call.shape) == 3)
    known = {call.name: by_length[call.shape[1]] for call in tokens if call.shape[1] in by_length}
    return known | {call.name: places for call, places in matched}


def _last_calls(calls: list[Call]) -> list[Call]:
    # If a module is called several times, the last call is the one that is captured.
    last = {call.module: call for call in calls}
    return [call for call in calls if last[call.module] is call]


def _before_head(seen: Trace) -> list[Call]:
    """The calls that finished before the last layer with weights that gives one value a class."""
    logits = seen.logits
    classes = logits.shape[-1] if isinstance(logits, Tensor) and logits.dim() == 2 else None
    with_weights = [i for i, call in enumerate(seen.calls) if call.has_weights]
    if with_weights and classes is not None:
        shape = seen.calls[with_weights[-1]].shape
        if len(shape) > 1 and classes in (shape[1], shape[-1]):
            return seen.calls[: with_weights[-1]]
    return seen.calls


def _matched(calls: list[Call], intermediates: list[Tensor], *, by_input: bool = False) -> list[Candidate]:
    """The calls that put out one of the given maps.

    With ``by_input``, those of single layers (a norm, say) that take one in, as tokens: what no module puts out, such
    as a sum or a part of a tuple, may still be seen there, and they leave every token in its place.
    """
    matched = []
    for call in calls:
        tensor = call.entered if by_input else call.output
        if tensor is None or (by_input and not (call.is_leaf and tensor.dim() == 3)):
            continue
        found = (match_feature_grid(tensor, maps) for maps in reversed(intermediates))
        places = next((places for places in found if places is not None), None)
        if places is not None:
            matched.append((call, places))
    return matched


def _pictures(calls: list[Call], image_size: tuple[int, int]) -> list[Candidate]:
    lengths = {call.shape[1] for call in calls if len(call.shape) == 3}
    pictures = []
    for call in calls:
        if call.output is None or call.output.dim() != 4:
            continue
        maps = channels_first(call.output, image_size)
        height, width = maps.shape[2:]
        # Between heads and channels, or between tokens and tokens (attention), there is a list of tokens as well.
        is_token_list = height in lengths or width in lengths
        in_proportion = 0.5 <= height * image_size[1] / (width * image_size[0]) <= 2
        if is_grid(maps, image_size) and in_proportion and not is_token_list:
            pictures.append((call, FeatureGrid((height, width), channels_last=maps is not call.output)))
    return pictures


def _like_tokens(
    calls: list[Call],
    image_size: tuple[int, int],
    prefix_tokens: int | None,
    known: dict[int, FeatureGrid],
    pictures: list[Candidate],
) -> list[Candidate]:
    """Modules that turn tokens (N, L, K) into as many of the same width."""
    grids = [places.grid for _, places in pictures]
    candidates = []
    for call in calls:
        if call.output is None or call.output.dim() != 3 or call.entered is None:
            continue
        places = known.get(call.shape[1]) or guess_feature_grid(
            call.output, image_size, prefix_tokens=prefix_tokens, grids=grids
        )
        if places is not None:
            candidates.append((call, places))
    return candidates


def _is_norm(call: Call) -> bool:
    """Whether a layer scales every channel by itself: it has vectors for weights."""
    return call.is_leaf and call.has_weights and all(weight.dim() == 1 for weight in call.module.parameters())


def _by_length(candidates: list[Candidate]) -> dict[int, FeatureGrid]:
    """The arrangement of so many tokens."""
    return {call.shape[1]: places for call, places in candidates if places.tokens is not None}


def _last_first(candidates: list[Candidate], calls: list[Call]) -> list[Candidate]:
    turns = {call.name: turn for turn, call in enumerate(calls)}
    return sorted(candidates, key=lambda candidate: turns[candidate[0].name], reverse=True)
