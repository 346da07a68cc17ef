"""Several snapshots of a film side by side in one image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from camaug.film.draw_panel import common_box, original_panel, predicted_panel, scaled_image
from camaug.film.film import Film
from camaug.film.film_style import FilmStyle
from camaug.images.render import grid

__all__ = ["draw_still", "spread_snapshots"]


def draw_still(film: Film, numbers: Sequence[int], style: FilmStyle) -> Tensor:
    """Draw a row for each image: the image, and the overlay of the predicted class in some snapshots.

    Args:
        film: The film.
        numbers: Numbers of the snapshots.
        style: Appearance.

    Returns:
        An image (3, h, w).
    """
    images = [scaled_image(history.image, style.size) for history in film.histories]
    box = common_box(images)
    cells = []
    for history, image in zip(film.histories, images, strict=True):
        cells.append(original_panel(history, image, box, style))
        for number in numbers:
            moment = film.moment(number).partition(",")[0]
            cells.append(predicted_panel(history.snapshots[number], image, box, style, moment))
    return grid(cells, 1 + len(numbers), theme=style.theme)


def spread_snapshots(snapshots: Sequence[int], count: int) -> list[int]:
    """Return some of the snapshots, at equal distances from the first to the last, or the last alone.

    Args:
        snapshots: Numbers of snapshots.
        count: Number of snapshots to return, at least 1; of fewer all are returned.

    Example:
        >>> spread_snapshots(range(10), 4)
        [0, 3, 6, 9]
    """
    if count >= len(snapshots):
        return list(snapshots)
    if count == 1:
        return [snapshots[-1]]
    last = len(snapshots) - 1
    return [snapshots[round(number * last / (count - 1))] for number in range(count)]
