"""Frames of a film."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from camaug.film.draw_panel import common_box, on_canvas, original_panel, predicted_panel, scaled_image, true_panel
from camaug.film.film import Film
from camaug.film.film_style import FilmStyle
from camaug.images.render import background, caption, grid, row

__all__ = ["draw_frame"]

SLIDE_RATIO = 16 / 9  # of width to height
MARGIN = 6  # pixels around each image with its heatmaps
BAR_HEIGHT = 4  # pixels


def draw_frame(film: Film, number: int, style: FilmStyle) -> Tensor:
    """Draw one snapshot of a film.

    Each image is beside the overlay of the predicted class and, where the prediction is wrong, of the true class.
    Below them are a bar of the steps so far, and the epoch and the step.

    Args:
        film: The film.
        number: Number of the snapshot.
        style: Appearance.

    Returns:
        An image (3, h, w), of the same size for every snapshot.
    """
    images = [scaled_image(history.image, style.size) for history in film.histories]
    box = common_box(images)
    cells = []
    for history, image in zip(film.histories, images, strict=True):
        snapshot = history.snapshots[number]
        panels = [original_panel(history, image, box, style), predicted_panel(snapshot, image, box, style)]
        if film.has_true_maps:
            panels.append(true_panel(snapshot, image, box, style))
        cell = row(panels, theme=style.theme)
        cells.append(on_canvas(cell, cell.shape[1] + 2 * MARGIN, cell.shape[2] + 2 * MARGIN, style.theme))
    columns = _count_columns(len(cells), cells[0].shape[2] / cells[0].shape[1])
    drawing = grid(cells, columns, theme=style.theme)
    return torch.cat([drawing, _footer(film, number, drawing.shape[2], style)], dim=1)


def _count_columns(count: int, ratio: float) -> int:
    """Return the number of columns of a grid with which its cells are largest on a slide.

    Args:
        count: Number of cells.
        ratio: Width of a cell by its height.
    """

    def cell_height(columns: int) -> float:
        return min(SLIDE_RATIO / (ratio * columns), 1 / math.ceil(count / columns))

    return max(range(1, count + 1), key=cell_height)


def _footer(film: Film, number: int, width: int, style: FilmStyle) -> Tensor:
    bar = background(BAR_HEIGHT, width, style.theme).clone()
    bar[:] = torch.tensor(style.theme.faint).view(3, 1, 1) / 255
    done = round(width * (film.steps[number] + 1) / (film.steps[-1] + 1))
    bar[:, :, :done] = torch.tensor(style.theme.text).view(3, 1, 1) / 255
    return caption(bar, [f"{film.moment(number)}, {film.method}"], theme=style.theme)
