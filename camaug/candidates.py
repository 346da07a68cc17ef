"""Which layers of a traced forward may serve as the target layer."""

from __future__ import annotations

from torch import Tensor

from camaug.features import channels_first, is_grid
from camaug.places import Places, find_places, guess_places
from camaug.trace import Call, Trace

__all__ = ["known_places", "list_candidates"]

Candidate = tuple[Call, Places]


def list_candidates(seen: Trace, image_size: tuple[int, int], *, prefix_tokens: int | None) -> list[Candidate]:
    """The layers with places, the best first.

    These are the layers that the model's own ``forward_intermediates`` gives, from the last to the first, and with them
    the blocks between that have as many tokens; where the last is a picture, also the pictures that follow it. Where
    no layer puts out the last of what that method gives, or there is none, whatever looks like a picture or like a
    block of tokens comes beside them.

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
    guessed = _pictures(calls, image_size) + _token_blocks(calls, image_size, prefix_tokens, put_out + taken_in)
    order = {id(call): turn for turn, call in enumerate(calls)}

    def last_first(candidates: list[Candidate]) -> list[Candidate]:
        return sorted(candidates, key=lambda candidate: order[id(candidate[0])], reverse=True)

    others = last_first(put_out + taken_in + guessed)
    if not put_out or not _matched([call for call, _ in put_out], seen.intermediates[-1:]):
        return others
    last, places = put_out[-1]
    follows = [candidate for candidate in guessed if order[id(candidate[0])] > order[id(last)]]
    lengths = {call.shape[1] for call, places in put_out if places.tokens is not None}
    between = [(call, places) for call, places in guessed if call.shape[1] in lengths and places.tokens is not None]
    best = {id(call): (call, places) for call, places in put_out}
    if places.tokens is None:
        best |= {id(call): (call, places) for call, places in follows if places.tokens is None}
    best = {id(call): (call, places) for call, places in between if not call.is_leaf} | best
    return last_first(list(best.values())) + others


def known_places(seen: Trace) -> dict[str, Places]:
    """The places in each layer's output, as far as the model's own ``forward_intermediates`` tells them.

    Layers between those that it gives have the arrangement of those with as many tokens.
    """
    calls = _last_calls(seen.calls)
    matched = _matched(calls, seen.intermediates, by_input=True) + _matched(calls, seen.intermediates)
    by_length = {call.shape[1]: places for call, places in matched if places.tokens is not None}
    tokens = (call for call in seen.calls if len(call.shape) == 3)
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
        found = (find_places(tensor, maps) for maps in reversed(intermediates))
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
            pictures.append((call, Places((height, width), channels_last=maps is not call.output)))
    return pictures


def _token_blocks(
    calls: list[Call], image_size: tuple[int, int], prefix_tokens: int | None, known: list[Candidate]
) -> list[Candidate]:
    """Modules made of others that turn tokens (N, L, K) into as many of the same width.

    Among as many tokens as the model itself gives, norms count too (single layers with vectors for weights): they see
    all that a block has put out, where the block puts out a tuple and only its branches put out tensors.
    """
    by_length = {call.shape[1]: places for call, places in known if places.tokens is not None}
    blocks = []
    for call in calls:
        if call.output is None or call.output.dim() != 3 or call.entered is None:
            continue
        places = by_length.get(call.shape[1])
        if places is None and not call.is_leaf:
            places = guess_places(call.output, image_size, prefix_tokens=prefix_tokens)
        is_norm = call.has_weights and all(weight.dim() == 1 for weight in call.module.parameters())
        if places is not None and (is_norm or not call.is_leaf):
            blocks.append((call, places))
    return blocks
