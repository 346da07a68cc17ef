"""Self-attention blocks of transformers, and their attention function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["Attention", "find_attention_blocks", "is_self_attention", "replaced_attention"]

Attention = Callable[..., Tensor]


@contextmanager
def replaced_attention(replace: Callable[[Attention], Attention]) -> Iterator[None]:
    """Replace ``torch.nn.functional.scaled_dot_product_attention`` inside the block.

    The attention modules of timm, torchvision and PyTorch all call it, and no hook of a module sees the matrices.

    Args:
        replace: Returns the replacement, given the function itself.
    """
    is_fastpath_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it would bypass the function
    try:
        with replaced_attribute(F, "scaled_dot_product_attention", replace(F.scaled_dot_product_attention)):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(is_fastpath_enabled)


def find_attention_blocks(model: nn.Module, run: Callable[[], Any]) -> list[nn.Module]:
    """Find the blocks of global self-attention in a transformer.

    A block turns tokens (N, T, K) into tokens of the same shape and attends once, over all T tokens. Of nested modules
    the outermost counts.

    Args:
        model: The model.
        run: Runs one forward pass of it.

    Returns:
        The blocks in the order of their calls.
    """
    recorder = _Recorder()
    with ExitStack() as stack:
        for module in model.modules():
            stack.enter_context(module.register_forward_pre_hook(recorder.begin))
            stack.enter_context(module.register_forward_hook(recorder.end))
        stack.enter_context(replaced_attention(recorder.recording))
        run()
    return [
        next(call.module for call in attention.calls if call.is_block_of(attention.tokens))
        for attention in recorder.attentions
        if any(call.is_block_of(attention.tokens) for call in attention.calls)
    ]


def is_self_attention(query: Tensor, key: Tensor) -> bool:
    """Return True if there are as many queries as keys (N, heads, T, d), so every token attends to every token."""
    return query.dim() == 4 and query.shape[:3] == key.shape[:3]


@dataclass
class _Call:
    """Call of a module during the recorded forward pass.

    Attributes:
        module: The module.
        input_shape: Shape of its first input, if it is tokens (N, T, K).
        attention_count: Number of attention calls inside the call.
        keeps_shape: Whether the output has the shape of the input.
    """

    module: nn.Module
    input_shape: torch.Size | None
    attention_count: int = 0
    keeps_shape: bool = False

    def is_block_of(self, tokens: int) -> bool:
        """Return True if the module attends once, over this number of tokens, and keeps their shape."""
        has_tokens = self.input_shape is not None and self.input_shape[1] == tokens
        return has_tokens and self.keeps_shape and self.attention_count == 1


@dataclass(frozen=True)
class _SelfAttention:
    """One call of global self-attention: the number of tokens and the module calls around it, the outermost first."""

    tokens: int
    calls: list[_Call]


class _Recorder:
    """Hooks and an attention function that record which modules attend."""

    def __init__(self) -> None:
        self.attentions: list[_SelfAttention] = []
        self._open_calls: list[_Call] = []

    def begin(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Record the begin of a call: a forward pre-hook."""
        self._open_calls.append(_Call(module, _token_shape(inputs[0]) if inputs else None))

    def end(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Record the end of a call: a forward hook."""
        call = self._open_calls.pop()
        call.keeps_shape = call.input_shape is not None and _token_shape(output) == call.input_shape

    def recording(self, original: Attention) -> Attention:
        """Return an attention function that records its calls."""

        def attend(query: Tensor, key: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            for call in self._open_calls:
                call.attention_count += 1
            if is_self_attention(query, key):
                self.attentions.append(_SelfAttention(query.shape[-2], list(self._open_calls)))
            return original(query, key, *args, **kwargs)

        return attend


def _token_shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) and value.dim() == 3 else None
