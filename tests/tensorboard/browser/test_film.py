"""Films have the pixels of the tab."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from camaug.film.draw_frame import MARGIN, draw_frame
from camaug.film.film import Film
from camaug.film.film_style import FilmStyle
from camaug.images.render import COLORMAPS
from camaug.images.writing import as_pil
from camaug.tensorboard.data_source import Series
from camaug.tensorboard.load_runs import load_runs
from tests.tensorboard.browser.training_runs import EPOCHS, SIZE

GAP = 4
DRAW = """async ([colormap, encoded, low, high, width, height, side]) => {
    const { drawOverlay } = await import("./static/canvas.js");
    const { colormapTable } = await import("./static/colormaps.js");
    const { loadImage } = await import("./static/load_image.js");
    const { DEFAULTS } = await import("./static/view_state.js");
    const image = await loadImage("original?run=run%2Fb&prefix=cam&probe=4", new AbortController().signal);
    const values = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const style = { colours: colormapTable(colormap), opacity: DEFAULTS.opacity, threshold: DEFAULTS.threshold };
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    drawOverlay(context, { x: 0, y: 0, side }, image, { width, height, low, high, values }, style);
    return [...context.getImageData(0, 0, side, side).data];
}"""


@pytest.mark.parametrize("colormap", ["viridis", "turbo"])
def test_a_frame_is_the_tabs_overlay_within_a_255th(colormap, page, logdir):
    assert colormap in COLORMAPS
    source = load_runs(logdir / "run" / "b")
    series = Series("run/b", "cam", "grad-cam")
    film = Film.read(source, series, source.snapshots(series), [4])
    for number in range(EPOCHS):
        stored = film.histories[0].snapshots[number].predicted_map
        encoded = base64.b64encode(stored.values).decode()
        size = [stored.low, stored.high, stored.width, stored.height, SIZE]
        shown = np.asarray(page.evaluate(DRAW, [colormap, encoded, *size])).reshape(SIZE, SIZE, 4)[..., :3]
        frame = np.asarray(as_pil(draw_frame(film, number, FilmStyle(size=SIZE, colormap=colormap)))).astype(int)
        left = MARGIN + SIZE + GAP
        drawn = frame[MARGIN : MARGIN + SIZE, left : left + SIZE]
        assert shown.std() > 10  # something is drawn
        assert np.abs(shown - drawn).max() <= 1
