"""A layer's activations, caught during one forward, and arranged as maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "Captured",
    "capture",
    "channels_first",
    "image_size",
    "is_grid",
    "prefix_tokens",
    "replace_output",
    "to_maps",
]


@dataclass
class Captured:
    """What the target layer put out during the forward that ran inside :func:`capture`."""

    output: Tensor = field(init=False)


@contextmanager
def capture(layer: nn.Module, *, gradients: bool) -> Iterator[Captured]:
    """Keep a layer's output of the forward that runs inside.

    With ``gradients``, the autograd graph begins at the layer: everything before it runs without one, and its output
    is a leaf, so that ``torch.autograd.grad`` reaches it and nothing else. Where a graph has begun already, as after
    an earlier layer that is captured too, the output is a part of it. Must be used inside
    :func:`~camaug.inspection.neutral.neutral`, which restores the autograd mode.

    Args:
        layer: The layer to watch. If it is called several times, the last call counts.
        gradients: Whether gradients with respect to the output will be asked for.

    Yields:
        A record whose ``output`` is set once the layer has been called.

    Raises:
        ValueError: If the layer does not put out one tensor, or was not called.
    """
    captured = Captured()

    def keep(module: nn.Module, inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(
                f"the layer {type(module).__name__} puts out a {type(output).__name__}, expected one tensor: "
                "name a layer inside it or after it"
            )
        captured.output = output
        if not output.requires_grad:
            captured.output = output.detach()
            if gradients:
                torch.set_grad_enabled(True)
                captured.output.requires_grad_()
        # The model goes on with a copy, since an in-place activation after the layer would overwrite the original.
        return captured.output.clone()

    before = torch.is_grad_enabled()
    handle = layer.register_forward_hook(keep)
    try:
        yield captured
    finally:
        handle.remove()
        torch.set_grad_enabled(before)
    if not hasattr(captured, "output"):
        raise ValueError(f"the layer {type(layer).__name__} was not called during the forward: choose one that is")


@contextmanager
def replace_output(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let the forward that runs inside go on with a changed output of a layer.

    Args:
        layer: The layer.
        change: Gives the new output for the old one, which it must not write into.
    """
    handle = layer.register_forward_hook(lambda module, inputs, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def to_maps(features: Tensor, image_size: tuple[int, int], *, prefix_tokens: int | None = None) -> Tensor:
    """Arrange a layer's output as maps.

    Args:
        features: (N, K, h, w), channels-last (N, h, w, K), or tokens (N, L, K). Of the two pictures, the one in which
            h : w is nearer to the image's proportions is taken.
        image_size: Height and width of the images.
        prefix_tokens: How many tokens stand before those of the patches (class and register tokens). Without it, the
            fewest that leave a grid of the image's proportions.

    Returns:
        Maps of shape (N, K, h, w), a view where possible.

    Raises:
        ValueError: If the features are not spatial.
    """
    if features.dim() == 4:
        maps = channels_first(features, image_size)
    elif features.dim() == 3:
        maps = _tokens_to_maps(features, image_size, prefix_tokens)
    else:
        maps = features
    if maps.dim() != 4 or min(maps.shape[2:]) < 2:
        raise ValueError(
            f"the layer's output of shape {tuple(features.shape)} is not spatial, expected (N, K, h, w), (N, h, w, K) "
            "or tokens (N, L, K) with h, w > 1: choose an earlier layer"
        )
    return maps


def prefix_tokens(model: nn.Module) -> int | None:
    """How many tokens a transformer puts before those of the patches, where it says so (as timm's do)."""
    counts = [getattr(module, "num_prefix_tokens", None) for module in model.modules()]
    return next((count for count in counts if isinstance(count, int)), None)


def channels_first(features: Tensor, image_size: tuple[int, int]) -> Tensor:
    """View (N, h, w, K) as (N, K, h, w).

    Features are taken as channels-last only where (h, w) cannot be a grid of the image's proportions if they are
    read as (N, K, h, w), the usual arrangement.
    """
    first = _misfit(features.shape[2], features.shape[3], image_size)
    last = _misfit(features.shape[1], features.shape[2], image_size)
    return features if first < 1 or first <= last else features.permute(0, 3, 1, 2)


def is_grid(maps: Tensor, image_size: tuple[int, int]) -> bool:
    """Whether (N, K, h, w) has more than one place each way, and no more than the image has pixels."""
    height, width = maps.shape[2:]
    return 1 < height <= image_size[0] and 1 < width <= image_size[1]


def image_size(images: Tensor) -> tuple[int, int]:
    """Height and width of images (N, C, H, W)."""
    return images.shape[-2], images.shape[-1]


def _misfit(height: int, width: int, image_size: tuple[int, int]) -> float:
    """By how many columns or rows a grid misses the image's proportions; rounding alone accounts for less than 1."""
    proportion = image_size[0] / image_size[1]
    return min(abs(width - height / proportion), abs(height - width * proportion))


def _tokens_to_maps(tokens: Tensor, image_size: tuple[int, int], prefix: int | None) -> Tensor:
    count = tokens.shape[1]
    for skipped in [prefix] if prefix is not None else range(min(count, 9)):
        grid = _grid(count - skipped, image_size)
        if grid is not None:
            return tokens[:, skipped:].transpose(1, 2).reshape(len(tokens), -1, *grid)
    return tokens


def _grid(count: int, image_size: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width with the given product and the image's proportions, within half a patch."""
    height = round((count * image_size[0] / image_size[1]) ** 0.5)
    if height < 1 or count % height:
        return None
    width = count // height
    return (height, width) if abs(width - height * image_size[1] / image_size[0]) < 1 else None
