"""`plot_curves`, which draws the curves of a report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camaug.experiments.report import Curves
from camaug.utils.optional import import_extra

__all__ = ["plot_curves"]

# Okabe and Ito's colours, which are distinguishable for every kind of colour vision, without yellow on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("-", "--", ":", "-.")
_MAX_MARKERS = 20
_WIDTH, _HEIGHT = 7.5, 4.2  # inches
_LEGEND_LINE_HEIGHT = 0.22
_LEGEND_CHARACTERS = 105
_DOTS_PER_INCH = 120


def plot_curves(curves: Curves) -> Tensor:
    """Draw curves.

    Args:
        curves: The lines. From the eighth on they are dashed, so that no two are alike.

    Returns:
        An image (3, H, 900) in [0, 1], with the legend below the lines.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    columns = max(1, min(4, _LEGEND_CHARACTERS // max((len(name) + 6 for name in curves.series), default=1)))
    height = _HEIGHT + _LEGEND_LINE_HEIGHT * math.ceil(len(curves.series) / columns)
    figure = _matplotlib("figure").Figure(figsize=(_WIDTH, height), dpi=_DOTS_PER_INCH, layout="constrained")
    # Not pyplot, which would choose a backend for the whole process.
    canvas = _matplotlib("backends.backend_agg").FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, (xs, ys)) in enumerate(curves.series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
        marker = "o" if 1 <= len(xs) <= _MAX_MARKERS else None
        axes.plot(xs, ys, dash, color=colour, marker=marker, markersize=4, label=name)
        if name in curves.bands:
            axes.fill_between(xs, *curves.bands[name], color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel(curves.x_label)
    axes.set_ylabel(curves.y_label)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize="small")
    canvas.draw()
    pixels = torch.from_numpy(np.array(canvas.buffer_rgba())[..., :3])
    return pixels.permute(2, 0, 1).float() / 255


def _matplotlib(module: str) -> Any:
    return import_extra(f"matplotlib.{module}", package="matplotlib", extra="experiments", reason="plots need")
