"""Images and overlays with their captions, of which films and stills are made."""

from __future__ import annotations

from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from camaug.film.film_style import FilmStyle
from camaug.film.probe_history import ProbeHistory
from camaug.film.probe_snapshot import ProbeSnapshot
from camaug.images.render import Symbol, background, caption, overlay
from camaug.images.theme import Colour, Theme
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["common_box", "draw_overlay", "on_canvas", "original_panel", "predicted_panel", "scaled_image", "true_panel"]

OPACITY = 0.6  # of the heatmaps, as in the tab
GREEN, RED, GREY = (46, 160, 67), (218, 54, 51), (110, 118, 129)
VERDICTS: dict[bool | None, tuple[str, Symbol | None, Colour]] = {
    True: ("predicted, right", "tick", GREEN),
    False: ("predicted, wrong", "cross", RED),
    None: ("predicted", None, GREY),
}


def draw_overlay(image: Tensor, stored: StoredMap, colormap: str) -> Tensor:
    """Draw a heatmap over an image as the tab does, in its 256 colours.

    Args:
        image: (3, H, W) in [0, 1].
        stored: The heatmap, in any resolution.
        colormap: Colours of the heatmap.

    Returns:
        An image (3, H, W).
    """
    map_ = restore_map(stored, (image.shape[1], image.shape[2]))
    return overlay(image[None], (map_[None] * 255).round() / 255, colormap, OPACITY)[0]


def scaled_image(image: Image.Image, longer_side: int) -> Tensor:
    """Scale an image until its longer side has a number of pixels, and return it as (3, H, W) in [0, 1]."""
    scale = longer_side / max(image.size)
    width, height = (max(1, int(side * scale + 0.5)) for side in image.size)
    resampling = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS
    pixels: Tensor = pil_to_tensor(image.resize((width, height), resampling))
    return pixels.float() / 255


def on_canvas(image: Tensor, height: int, width: int, theme: Theme) -> Tensor:
    """Place an image (3, h, w) in the middle of an empty one (3, height, width), which is not smaller."""
    canvas = background(height, width, theme).clone()
    top, left = (height - image.shape[1]) // 2, (width - image.shape[2]) // 2
    canvas[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return canvas


def original_panel(history: ProbeHistory, image: Tensor, box: tuple[int, int], style: FilmStyle) -> Tensor:
    """Draw an image with its labels and its index.

    Args:
        history: The image.
        image: The same, scaled.
        box: Height and width of the place for the image.
        style: Appearance.

    Returns:
        An image (3, height + h, width), where h is the same for all panels.
    """
    labels = ", ".join(history.label_names) or "unlabelled"
    drawing = on_canvas(image, *box, style.theme)
    return caption(drawing, [labels, f"image {history.probe}"], mark=GREY, theme=style.theme)


def predicted_panel(
    snapshot: ProbeSnapshot | None, image: Tensor, box: tuple[int, int], style: FilmStyle, line: str | None = None
) -> Tensor:
    """Draw the predicted class's heatmap over an image, with the prediction.

    Args:
        snapshot: The image's snapshot; None if the image was not in the snapshot.
        image: The image, scaled.
        box: Height and width of the place for the image.
        style: Appearance.
        line: Second line of the caption; by default the warning, or whether the prediction is right.

    Returns:
        An image of the size of :func:`original_panel`'s.
    """
    if snapshot is None:
        drawing = background(*box, style.theme)
        return caption(drawing, ["not logged", line or ""], mark=GREY, theme=style.theme)
    drawing = on_canvas(draw_overlay(image, snapshot.predicted_map, style.colormap), *box, style.theme)
    verdict, symbol, mark = VERDICTS[snapshot.is_correct]
    lines = [f"{_percent(snapshot.confidence)} {snapshot.predicted_name}", line or snapshot.warning or verdict]
    return caption(drawing, lines, mark=mark, symbol=symbol, theme=style.theme)


def true_panel(snapshot: ProbeSnapshot | None, image: Tensor, box: tuple[int, int], style: FilmStyle) -> Tensor:
    """Draw the true class's heatmap over an image if the prediction is wrong, and else an empty panel.

    Args:
        snapshot: The image's snapshot; None if the image was not in the snapshot.
        image: The image, scaled.
        box: Height and width of the place for the image.
        style: Appearance.

    Returns:
        An image of the size of :func:`original_panel`'s.
    """
    if snapshot is None or snapshot.true_map is None:
        return caption(background(*box, style.theme), ["", ""], theme=style.theme)
    drawing = on_canvas(draw_overlay(image, snapshot.true_map, style.colormap), *box, style.theme)
    lines = [f"{_percent(snapshot.true_confidence)} {snapshot.true_name}", "true class"]
    return caption(drawing, lines, mark=GREY, theme=style.theme)


def _percent(probability: float | None) -> str:
    """Return a probability as a percentage, as in the tab.

    Example:
        >>> _percent(0.834), _percent(0.004), _percent(0.0), _percent(None)
        ('83 %', '< 1 %', '0 %', 'unknown')
    """
    if probability is None:
        return "unknown"
    hundredths = 100 * probability
    return f"{'< 1' if 0 < hundredths < 1 else int(hundredths + 0.5)} %"


def common_box(images: list[Tensor]) -> tuple[int, int]:
    """Return the height and width of a box that any of the images fits into."""
    return max(image.shape[1] for image in images), max(image.shape[2] for image in images)
