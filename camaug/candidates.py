"""Which layers of a traced forward may serve as the target layer."""

from __future__ import annotations

from torch import Tensor, nn

from camaug.features import channels_first, is_grid
from camaug.places import Places, find_places, guess_places
from camaug.trace import Call, Trace

__all__ = ["known_places", "list_candidates"]

Candidate = tuple[Call, Places]

_NOT_FEATURES = (nn.Identity, nn.Flatten, nn.modules.dropout._DropoutNd)


def list_candidates(seen: Trace, image_size: tuple[int, int], *, prefix_tokens: int | None) -> list[Candidate]:
    """The layers with places, the last first.

    Those that the model's own ``forward_intermediates`` gives come first, with the pictures after them where these
    are pictures too. What else looks like a picture or like a block of tokens follows.

    Args:
        seen: The forward.
        image_size: Height and width of the image.
        prefix_tokens: How many tokens stand before those of the patches, where it is known.

    Returns:
        Calls of modules, each module once, and the places in their output.
    """
    calls = [call for call in _last_calls(_before_head(seen)) if not isinstance(call.module, _NOT_FEATURES)]
    known = _matched(calls, seen.intermediates)
    guessed = _pictures(calls, image_size) + _token_blocks(calls, image_size, prefix_tokens, known)
    if known and known[-1][1].tokens is None:
        after = calls.index(known[-1][0])
        known += [(call, places) for call, places in guessed if calls.index(call) > after and places.tokens is None]
    guessed.sort(key=lambda candidate: calls.index(candidate[0]))
    return known[::-1] + guessed[::-1]


def known_places(seen: Trace) -> dict[str, Places]:
    """The places in each layer's output, as far as the model's own ``forward_intermediates`` tells them.

    Layers between those that it gives have the arrangement of those with as many tokens.
    """
    matched = _matched(_last_calls(seen.calls), seen.intermediates)
    by_length = {call.shape[1]: places for call, places in matched if places.tokens is not None}
    known = {
        call.name: by_length[call.shape[1]] for call in seen.calls if len(call.shape) == 3 and call.shape[1] in by_length
    }
    return known | {call.name: places for call, places in matched}


def _last_calls(calls: list[Call]) -> list[Call]:
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


def _matched(calls: list[Call], intermediates: list[Tensor]) -> list[Candidate]:
    matched = []
    for call in calls:
        if call.output is None or call.pooled:
            continue
        for maps in reversed(intermediates):
            places = find_places(call.output, maps)
            if places is None and call.is_leaf and call.entered is not None and call.entered.dim() == 3:
                # A norm, say, of tokens that no module put out as they are; it leaves them in their places.
                places = find_places(call.entered, maps)
            if places is not None:
                matched.append((call, places))
                break
    return matched


def _pictures(calls: list[Call], image_size: tuple[int, int]) -> list[Candidate]:
    lengths = {call.shape[1] for call in calls if len(call.shape) == 3}
    pictures = []
    for call in calls:
        if call.output is None or call.output.dim() != 4 or call.pooled:
            continue
        maps = channels_first(call.output, image_size)
        height, width = maps.shape[2:]
        is_attention = height == width and height in lengths
        if is_grid(maps, image_size) and not is_attention:
            pictures.append((call, Places((height, width), channels_last=maps is not call.output)))
    return pictures


def _token_blocks(
    calls: list[Call], image_size: tuple[int, int], prefix_tokens: int | None, known: list[Candidate]
) -> list[Candidate]:
    """Modules made of others that turn tokens (N, L, K) into as many of the same width."""
    by_length = {call.shape[1]: places for call, places in known if places.tokens is not None}
    blocks = []
    for call in calls:
        if call.output is None or call.output.dim() != 3 or call.is_leaf or call.entered is None:
            continue
        places = by_length.get(call.shape[1]) or guess_places(call.output, image_size, prefix_tokens=prefix_tokens)
        if places is not None:
            blocks.append((call, places))
    return blocks
