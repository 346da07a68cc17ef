"""Where a transformer attends: its self-attention blocks, and the attention matrices inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Attention", "attention_replaced", "find_attention_blocks", "is_self_attention"]

Attention = Callable[..., Tensor]


@contextmanager
def attention_replaced(replacement: Callable[[Attention], Attention]) -> Iterator[None]:
    """Let other code stand in for ``torch.nn.functional.scaled_dot_product_attention``.

    timm's, torchvision's and torch's own attention all end there, and no module's hook sees the matrices.

    Args:
        replacement: Given the function itself, what is called in its place.
    """
    original = F.scaled_dot_product_attention
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it would go past the function
    F.scaled_dot_product_attention = replacement(original)
    try:
        yield
    finally:
        F.scaled_dot_product_attention = original
        torch.backends.mha.set_fastpath_enabled(fast_path)


@dataclass
class _Call:
    """A module's call, while a forward pass is watched."""

    module: nn.Module
    tokens: torch.Size | None  # the shape (N, T, K) of its input, if it is one
    attentions: int = 0
    keeps_shape: bool = False


def find_attention_blocks(model: nn.Module, run: Callable[[], Any]) -> list[nn.Module]:
    """The blocks of a transformer whose places all attend to each other.

    A block turns tokens (N, T, K) into tokens of the same shape and attends once, over all T; of modules within each
    other, the outermost.

    Args:
        model: The model.
        run: One forward pass of it.

    Returns:
        The blocks in the order in which they are called.
    """
    open_calls: list[_Call] = []
    attentions: list[tuple[int, list[_Call]]] = []

    def begin(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        open_calls.append(_Call(module, _token_shape(inputs[0]) if inputs else None))

    def end(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        call = open_calls.pop()
        call.keeps_shape = call.tokens is not None and _token_shape(output) == call.tokens

    def watching(original: Attention) -> Attention:
        def attend(query: Tensor, key: Tensor, *rest: Any, **settings: Any) -> Tensor:
            for call in open_calls:
                call.attentions += 1
            if is_self_attention(query, key):
                attentions.append((query.shape[-2], list(open_calls)))
            return original(query, key, *rest, **settings)

        return attend

    handles = []
    try:
        for module in model.modules():
            handles += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
        with attention_replaced(watching):
            run()
    finally:
        for handle in handles:
            handle.remove()
    return [
        next(call.module for call in around if _is_block(call, tokens))
        for tokens, around in attentions
        if any(_is_block(call, tokens) for call in around)
    ]


def is_self_attention(query: Tensor, key: Tensor) -> bool:
    """Whether queries and keys (N, heads, T, d) are as many: every token attends to every token."""
    return query.dim() == 4 and query.shape[:3] == key.shape[:3]


def _is_block(call: _Call, tokens: int) -> bool:
    return call.keeps_shape and call.attentions == 1 and call.tokens is not None and call.tokens[1] == tokens


def _token_shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) and value.dim() == 3 else None
