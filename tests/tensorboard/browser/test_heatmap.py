"""The front end upsamples and colours heatmaps as the library does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from camaug.images.render import COLORMAPS
from camaug.tensorboard.map_compression import restore_map
from camaug.tensorboard.stored_map import StoredMap


def test_upsampling_and_colour_maps_match_the_library(page):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (3, 5)).tolist()
    stops, large, centre = page.evaluate(
        """async (values) => {
            const { COLORMAPS } = await import("./static/colormaps.js");
            const { upsample, valueAt } = await import("./static/heatmap.js");
            const map = { width: 5, height: 3, values: Uint8Array.from(values.flat()), low: -0.2, high: 1.1 };
            return [COLORMAPS, [...upsample(map, 20, 30)], valueAt(map, 9.5 / 20, 4.5 / 30)];
        }""",
        values,
    )
    assert stops == {name: list(COLORMAPS[name]) for name in stops}
    assert "viridis" in stops
    assert "jet" not in stops
    expected = restore_map(StoredMap(5, 3, -0.2, 1.1, bytes(itertools.chain(*values))), (30, 20))
    assert np.asarray(large).reshape(30, 20) == pytest.approx(expected.numpy(), abs=1e-5)
    assert centre == pytest.approx(float(expected[4, 9]), abs=1e-5)
