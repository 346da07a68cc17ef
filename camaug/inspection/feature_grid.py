"""Where the places of an image stand in what a layer puts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.inspection.capture import to_maps

__all__ = ["FeatureGrid", "match_feature_grid", "guess_feature_grid"]


@dataclass(frozen=True, eq=False)
class FeatureGrid:
    """How a layer's output is arranged.

    Attributes:
        grid: Height and width, (h, w).
        channels_last: Whether a picture is (N, h, w, K) and not (N, K, h, w).
        tokens: For tokens (N, L, K): the index of each place's token, row by row, (h · w,); None for pictures.
    """

    grid: tuple[int, int]
    channels_last: bool = False
    tokens: Tensor | None = None

    @property
    def kind(self) -> str:
        """The arrangement in words."""
        if self.tokens is not None:
            return "tokens"
        return "channels last" if self.channels_last else "picture"

    def to_maps(self, output: Tensor) -> Tensor:
        """Arrange an output or its gradient as maps, (N, K, h, w); differentiable, and a view where possible."""
        if self.tokens is None:
            return output.permute(0, 3, 1, 2) if self.channels_last else output
        first, count = int(self.tokens[0]), len(self.tokens)
        in_order = torch.equal(self.tokens, torch.arange(first, first + count))
        tokens = output[:, first : first + count] if in_order else output[:, self.tokens.to(output.device)]
        return tokens.transpose(1, 2).reshape(len(tokens), -1, *self.grid)

    def fill(self, output: Tensor, value: float) -> Tensor:
        """A copy of an output with a value at every place; class and register tokens stay as they are."""
        filled = output.clone()
        if self.tokens is None:
            return filled.fill_(value)
        filled[:, self.tokens.to(output.device)] = value
        return filled


def match_feature_grid(output: Tensor, maps: Tensor) -> FeatureGrid | None:
    """Recognise known maps in a layer's output by what stands in it.

    Args:
        output: Any tensor.
        maps: The maps, (1, K, h, w).

    Returns:
        Their arrangement; None if the output is something else.
    """
    count, channels, height, width = maps.shape
    grid = (height, width)
    if output.shape == maps.shape and _same(output, maps):
        return FeatureGrid(grid)
    if output.shape == (count, height, width, channels) and _same(output.permute(0, 3, 1, 2), maps):
        return FeatureGrid(grid, channels_last=True)
    if output.dim() == 3 and len(output) == count and output.shape[2] == channels:
        tokens = _find_tokens(output[0].float(), maps[0].flatten(1).T.float())
        return None if tokens is None else FeatureGrid(grid, tokens=tokens)
    return None


def guess_feature_grid(
    output: Tensor,
    image_size: tuple[int, int],
    *,
    prefix_tokens: int | None = None,
    grids: Sequence[tuple[int, int]] = (),
) -> FeatureGrid | None:
    """The arrangement that the number of tokens suggests.

    Args:
        output: Tokens, (1, L, K).
        image_size: Height and width of the image.
        prefix_tokens: How many tokens stand before those of the patches, where it is known.
        grids: Those of pictures that the tokens may come from; without one that fits, see
            :func:`camaug.inspection.capture.to_maps`.

    Returns:
        The arrangement, or None if the tokens make no grid of the image's proportions.
    """
    length = output.shape[1]
    for first in range(9) if prefix_tokens is None else [prefix_tokens]:
        for height, width in grids:
            if height * width == length - first:
                return FeatureGrid((height, width), tokens=torch.arange(first, length))
    # Tokens that hold their own index tell where each place of the maps comes from.
    indices = torch.arange(length).view(1, -1, 1)
    try:
        maps = to_maps(indices, image_size, prefix_tokens=prefix_tokens)
    except ValueError:
        return None
    return FeatureGrid((maps.shape[2], maps.shape[3]), tokens=maps.flatten())


def _find_tokens(tokens: Tensor, wanted: Tensor) -> Tensor | None:
    """For each of the wanted vectors (h · w, K) the index of the same one among the tokens (L, K)."""
    length, count = len(tokens), len(wanted)
    # Nearly always in order after a few prefix tokens. This comes first, for where tokens are alike.
    for first in range(min(length - count, 16) + 1):
        if _same(tokens[first : first + count], wanted):
            return torch.arange(first, first + count)
    if length < count:
        return None
    # Each vector's projection on one random direction tells it from all others.
    direction = torch.randn(tokens.shape[1], generator=torch.Generator().manual_seed(0)).to(tokens.device)
    sorted_tokens, order = (tokens @ direction).sort()
    projected = wanted @ direction
    right = torch.searchsorted(sorted_tokens, projected).clamp(1, length - 1)
    left_is_nearer = (projected - sorted_tokens[right - 1]).abs() < (sorted_tokens[right] - projected).abs()
    found = order[torch.where(left_is_nearer, right - 1, right)]
    return found.cpu() if len(set(found.tolist())) == count and _same(tokens[found], wanted) else None


def _same(a: Tensor, b: Tensor) -> bool:
    scale = float(b.abs().max())
    return torch.allclose(a.float(), b.float(), rtol=1e-4, atol=1e-5 * scale)
