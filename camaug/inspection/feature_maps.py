"""Feature maps (N, K, h, w), arranged from a layer's output of any layout."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["channels_first", "count_prefix_tokens", "image_size", "is_spatial", "to_maps"]

MAX_PREFIX_TOKENS = 8


def to_maps(features: Tensor, image_size: tuple[int, int], *, prefix_tokens: int | None = None) -> Tensor:
    """Arrange a layer's output as feature maps.

    Args:
        features: (N, K, h, w), channels-last (N, h, w, K), or tokens (N, L, K). Four dimensions are read as
            channels-first unless only the channels-last reading has the image's aspect ratio.
        image_size: Height and width of the images.
        prefix_tokens: Number of class and register tokens before the patch tokens. By default the smallest number
            that leaves a grid with the image's aspect ratio.

    Returns:
        Feature maps of shape (N, K, h, w), a view where possible.

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


def channels_first(features: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Return features (N, K, h, w) unchanged and view features (N, h, w, K) as (N, K, h, w).

    Features count as channels-last only if they do not have the image's aspect ratio when read as (N, K, h, w).
    """
    first = _aspect_error(features.shape[2], features.shape[3], image_size)
    last = _aspect_error(features.shape[1], features.shape[2], image_size)
    return features if first < 1 or first <= last else features.permute(0, 3, 1, 2)


def is_spatial(maps: Tensor, image_size: tuple[int, int]) -> bool:
    """Return True if maps (N, K, h, w) have at least two rows and columns and at most as many as the image."""
    height, width = maps.shape[2:]
    return 1 < height <= image_size[0] and 1 < width <= image_size[1]


def image_size(images: Tensor) -> tuple[int, int]:
    """Return the height and width of images (N, C, H, W)."""
    return images.shape[-2], images.shape[-1]


def count_prefix_tokens(model: nn.Module) -> int | None:
    """Return a transformer's number of class and register tokens from timm's ``num_prefix_tokens``, or None."""
    counts = [getattr(module, "num_prefix_tokens", None) for module in model.modules()]
    return next((count for count in counts if isinstance(count, int)), None)


def _aspect_error(height: int, width: int, image_size: tuple[int, int]) -> float:
    """Return by how many rows or columns a grid misses the image's aspect ratio. Rounding explains less than 1."""
    ratio = image_size[0] / image_size[1]
    return min(abs(width - height / ratio), abs(height - width * ratio))


def _tokens_to_maps(tokens: Tensor, image_size: tuple[int, int], prefix_tokens: int | None) -> Tensor:
    count = tokens.shape[1]
    prefixes = range(min(count, MAX_PREFIX_TOKENS + 1)) if prefix_tokens is None else [prefix_tokens]
    for prefix in prefixes:
        size = _grid_size(count - prefix, image_size)
        if size is not None:
            return tokens[:, prefix:].transpose(1, 2).reshape(len(tokens), -1, *size)
    return tokens


def _grid_size(count: int, image_size: tuple[int, int]) -> tuple[int, int] | None:
    """Return the height and width with the given product and the image's aspect ratio, within half a patch."""
    height = round((count * image_size[0] / image_size[1]) ** 0.5)
    if height < 1 or count % height:
        return None
    width = count // height
    return (height, width) if abs(width - height * image_size[1] / image_size[0]) < 1 else None
