"""Heatmap colours, overlays, captions, rows and grids.

Images are RGB, (3, H, W) or (N, 3, H, W), float32 in [0, 1], on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from camaug.images.theme import DARK, Colour, Theme
from camaug.utils.did_you_mean import did_you_mean

__all__ = [
    "COLORMAPS",
    "Symbol",
    "background",
    "caption",
    "check_colormap",
    "colorize",
    "enlarge",
    "grid",
    "overlay",
    "row",
]

# Colours at equal distances from 0 to 1, interpolated linearly between.
COLORMAPS: dict[str, tuple[str, ...]] = {
    "inferno": ("000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"),
    "viridis": ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"),
    "cividis": ("00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"),
    "turbo": ("30123b", "4662d7", "36aaf9", "1ae4b6", "72fe5e", "c8ef34", "faba39", "f66b19", "ca2a04", "7a0403"),
    "jet": ("000080", "0000ff", "0080ff", "00ffff", "80ff80", "ffff00", "ff8000", "ff0000", "800000"),
    "gray": ("000000", "ffffff"),
}

_MARGIN = 4

Symbol = Literal["tick", "cross"]
# Corners of each symbol's lines, in a square from 0 to 1: the fonts of some systems lack the characters.
_LINES: dict[Symbol, tuple[tuple[tuple[float, float], ...], ...]] = {
    "tick": (((0.1, 0.55), (0.4, 0.85), (0.9, 0.15)),),
    "cross": (((0.15, 0.15), (0.85, 0.85)), ((0.15, 0.85), (0.85, 0.15))),
}


def check_colormap(colormap: str) -> None:
    """Raise a ValueError if the colour map is unknown."""
    if colormap not in COLORMAPS:
        hint = did_you_mean(colormap, COLORMAPS)
        raise ValueError(f"unknown colour map {colormap!r}, {hint}expected one of {', '.join(COLORMAPS)}")


def colorize(maps: Tensor, colormap: str = "viridis") -> Tensor:
    """Colour heatmaps.

    Args:
        maps: (N, H, W) in [0, 1].
        colormap: One of :data:`COLORMAPS`.

    Returns:
        Images (N, 3, H, W).

    Raises:
        ValueError: If the colour map is unknown.

    Example:
        >>> colorize(torch.tensor([[[0.0, 0.5, 1.0]]]), "gray")[0, :, 0].tolist()
        [[0.0, 0.5, 1.0], [0.0, 0.5, 1.0], [0.0, 0.5, 1.0]]
    """
    stops = _stops(colormap)
    position = maps.detach().float().cpu().clamp(0, 1) * (len(stops) - 1)
    below = position.floor().long().clamp(max=len(stops) - 2)
    colours = torch.lerp(stops[below], stops[below + 1], (position - below)[..., None])
    return colours.movedim(-1, 1)


def _stops(colormap: str) -> Tensor:
    check_colormap(colormap)
    stops = [list(bytes.fromhex(stop)) for stop in COLORMAPS[colormap]]
    return torch.tensor(stops, dtype=torch.float32, device="cpu") / 255


def overlay(images: Tensor, maps: Tensor, colormap: str = "viridis", strength: float = 0.5) -> Tensor:
    """Blend images with coloured heatmaps.

    Args:
        images: (N, 3, H, W) in [0, 1].
        maps: (N, H, W) in [0, 1].
        colormap: One of :data:`COLORMAPS`.
        strength: Weight of the colours, in [0, 1].

    Returns:
        Images (N, 3, H, W).

    Raises:
        ValueError: If the colour map is unknown or ``strength`` is outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"`strength` must be between 0 and 1, got {strength}")
    return torch.lerp(images.float().cpu(), colorize(maps, colormap), strength)


def enlarge(images: Tensor, shorter_side: int) -> Tensor:
    """Enlarge images (N, 3, H, W) by a whole factor until the shorter side has at least this many pixels."""
    factor = math.ceil(shorter_side / min(images.shape[-2:]))
    if factor <= 1:
        return images
    return F.interpolate(images, scale_factor=factor, mode="bicubic", align_corners=False).clamp(0, 1)


def caption(
    image: Tensor,
    lines: Sequence[str],
    *,
    mark: Colour | None = None,
    symbol: Symbol | None = None,
    theme: Theme = DARK,
) -> Tensor:
    """Write lines of text below an image, cutting lines that are too long with an ellipsis.

    Args:
        image: (3, H, W).
        lines: One string per line. The height of the result depends only on their number.
        mark: Colour (red, green, blue, 0 to 255) of a bar beside the text, or None.
        symbol: Symbol before the first line, in the mark's colour, or None.
        theme: Colours of text and background.

    Returns:
        An image (3, H + h, W).
    """
    lines = [_on_one_line(line) for line in lines]
    width = image.shape[2]
    size = max(10, min(24, width // 9))  # still legible if TensorBoard shows a row of images at half its size
    font = _font(size, "".join(lines))
    step = round(size * 1.35)
    text_area = Image.new("RGB", (width, step * len(lines) + 2 * _MARGIN), theme.background)
    draw = ImageDraw.Draw(text_area)
    indent = _MARGIN
    if mark is not None:
        draw.rectangle((0, 0, 3, text_area.height), fill=mark)
        indent += 4
    for number, line in enumerate(lines):
        left = indent
        if symbol is not None and number == 0:
            side = round(size * 0.8)
            _draw_symbol(draw, symbol, (left, _MARGIN + (step - side) // 2), side, mark or theme.text)
            left += side + _MARGIN
        text = _fit(draw, line, font, width - left - _MARGIN)
        draw.text((left, _MARGIN + number * step), text, fill=theme.text, font=font)
    return torch.cat([image, _to_tensor(text_area)], dim=1)


def _draw_symbol(draw: ImageDraw.ImageDraw, symbol: Symbol, corner: tuple[int, int], side: int, colour: Colour) -> None:
    for line in _LINES[symbol]:
        points = [(corner[0] + x * side, corner[1] + y * side) for x, y in line]
        draw.line(points, fill=colour, width=max(2, round(side / 6)), joint="curve")


def _font(size: int, text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, or for text beyond ASCII, which it lacks, the first system font that exists."""
    for name in (
        () if text.isascii() else ("NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc", "DejaVuSans.ttf")
    ):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _on_one_line(text: str) -> str:
    """Replace line breaks and control characters by spaces."""
    return "".join(c if c.isprintable() else " " for c in text)


def _fit(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"


def row(images: Sequence[Tensor], *, theme: Theme = DARK) -> Tensor:
    """Place images (3, H, W) of one height side by side."""
    gap = background(images[0].shape[1], _MARGIN, theme)
    parts = [part for image in images for part in (image, gap)][:-1]
    return torch.cat(parts, dim=2)


def grid(images: Sequence[Tensor], columns: int | None = None, *, theme: Theme = DARK) -> Tensor:
    """Place images (3, H, W) of one size in rows.

    Args:
        images: At least one image.
        columns: Number of images per row, by default about the number of rows.
        theme: Colours of the background.

    Returns:
        One image (3, H, W).
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    empty = background(images[0].shape[1], images[0].shape[2], theme)
    padded = [*images, *[empty] * (-len(images) % columns)]
    rows = [row(padded[start : start + columns], theme=theme) for start in range(0, len(padded), columns)]
    gap = background(_MARGIN, rows[0].shape[2], theme)
    return torch.cat([part for line in rows for part in (line, gap)][:-1], dim=1)


def background(height: int, width: int, theme: Theme = DARK) -> Tensor:
    """Return an empty image (3, height, width)."""
    colour = torch.tensor(theme.background, dtype=torch.float32, device="cpu") / 255
    return colour.view(3, 1, 1).expand(3, height, width)


def _to_tensor(image: Image.Image) -> Tensor:
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(image.height, image.width, 3).permute(2, 0, 1).float() / 255
