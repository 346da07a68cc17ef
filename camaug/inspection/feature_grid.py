"""Arrangement of spatial positions in a layer's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.inspection.feature_maps import MAX_PREFIX_TOKENS, to_maps
from camaug.utils.copied_to import copied_to

__all__ = ["FeatureGrid", "guess_feature_grid", "match_feature_grid"]


@dataclass(frozen=True, eq=False)
class FeatureGrid:
    """Arrangement of a layer's output: where each spatial position of the image is found in it.

    Attributes:
        size: Rows and columns of spatial positions, (h, w).
        channels_last: True for feature maps (N, h, w, K), False for (N, K, h, w).
        tokens: For tokens (N, L, K) the index of each position's token, row by row, (h · w,). None for feature maps.
    """

    size: tuple[int, int]
    channels_last: bool = False
    tokens: Tensor | None = None

    @property
    def kind(self) -> str:
        """Name of the arrangement: ``"channels first"``, ``"channels last"`` or ``"tokens"``."""
        if self.tokens is not None:
            return "tokens"
        return "channels last" if self.channels_last else "channels first"

    def to_maps(self, output: Tensor) -> Tensor:
        """Arrange an output or its gradient as feature maps (N, K, h, w): differentiable, and a view where possible."""
        if self.tokens is None:
            return output.permute(0, 3, 1, 2) if self.channels_last else output
        first, count = int(self.tokens[0]), len(self.tokens)
        are_consecutive = torch.equal(self.tokens, torch.arange(first, first + count, device="cpu"))
        index = slice(first, first + count) if are_consecutive else copied_to(self.tokens, output.device)
        tokens = output[:, index]
        return tokens.transpose(1, 2).reshape(len(tokens), -1, *self.size)

    def fill(self, output: Tensor, value: float) -> Tensor:
        """Return a copy of an output with every spatial position, but no other token, set to a value."""
        filled = output.clone()
        if self.tokens is None:
            return filled.fill_(value)
        filled[:, copied_to(self.tokens, output.device)] = value
        return filled


def match_feature_grid(output: Tensor, maps: Tensor) -> FeatureGrid | None:
    """Recognise known feature maps in a layer's output by their values.

    Args:
        output: Any tensor.
        maps: The feature maps, (1, K, h, w).

    Returns:
        Their arrangement in the output, or None if the output holds something else.
    """
    count, channels, height, width = maps.shape
    size = (height, width)
    if output.shape == maps.shape and _are_close(output, maps):
        return FeatureGrid(size)
    if output.shape == (count, height, width, channels) and _are_close(output.permute(0, 3, 1, 2), maps):
        return FeatureGrid(size, channels_last=True)
    if output.dim() == 3 and len(output) == count and output.shape[2] == channels:
        tokens = _match_tokens(output[0].float(), maps[0].flatten(1).T.float())
        return None if tokens is None else FeatureGrid(size, tokens=tokens)
    return None


def guess_feature_grid(
    output: Tensor,
    image_size: tuple[int, int],
    *,
    prefix_tokens: int | None = None,
    sizes: Sequence[tuple[int, int]] = (),
) -> FeatureGrid | None:
    """Guess the arrangement of tokens from their number.

    Args:
        output: Tokens, (1, L, K).
        image_size: Height and width of the image.
        prefix_tokens: Number of tokens before the patch tokens, where it is known.
        sizes: Rows and columns of feature maps that the tokens may come from. If none fits, the grid has the image's
            aspect ratio (:func:`camaug.inspection.feature_maps.to_maps`).

    Returns:
        The arrangement, or None if no grid fits the number of tokens.
    """
    length = output.shape[1]
    for first in range(MAX_PREFIX_TOKENS + 1) if prefix_tokens is None else [prefix_tokens]:
        for height, width in sizes:
            if height * width == length - first:
                return FeatureGrid((height, width), tokens=torch.arange(first, length, device="cpu"))
    # Tokens that hold their own index show where each position of the maps comes from.
    indices = torch.arange(length, device="cpu").view(1, -1, 1)
    try:
        maps = to_maps(indices, image_size, prefix_tokens=prefix_tokens)
    except ValueError:
        return None
    return FeatureGrid((maps.shape[2], maps.shape[3]), tokens=maps.flatten())


def _match_tokens(tokens: Tensor, vectors: Tensor) -> Tensor | None:
    """Return for each vector (h · w, K) the index of the equal token among (L, K), or None if one has no equal."""
    length, count = len(tokens), len(vectors)
    # Tokens nearly always follow a short prefix in order. Trying that first also settles tokens that are equal.
    for first in range(min(length - count, 16) + 1):
        if _are_close(tokens[first : first + count], vectors):
            return torch.arange(first, first + count, device="cpu")
    if length < count:
        return None
    indices = _nearest_tokens(tokens, vectors)
    is_match = len(set(indices.tolist())) == count and _are_close(tokens[indices], vectors)
    return indices.cpu() if is_match else None


def _nearest_tokens(tokens: Tensor, vectors: Tensor) -> Tensor:
    """Return for each vector the index of the token whose projection on one random direction is the nearest."""
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(tokens.shape[1], dtype=torch.float32, generator=generator, device="cpu").to(tokens)
    sorted_tokens, order = (tokens @ direction).sort()
    projected = vectors @ direction
    right = torch.searchsorted(sorted_tokens, projected).clamp(1, len(tokens) - 1)
    left_is_nearer = (projected - sorted_tokens[right - 1]).abs() < (sorted_tokens[right] - projected).abs()
    return order[torch.where(left_is_nearer, right - 1, right)]


def _are_close(values: Tensor, expected: Tensor) -> bool:
    """Return True if two tensors of one shape are equal but for rounding."""
    lowest, highest = expected.aminmax()
    tolerance = 1e-5 * max(-float(lowest), float(highest))
    # Networks of equal blocks have hundreds of outputs of one shape, and nearly all differ at the first position.
    pairs = ((values[:1, ..., :1], expected[:1, ..., :1]), (values, expected))
    return all(torch.allclose(a.float(), b.float(), rtol=1e-4, atol=tolerance) for a, b in pairs)
