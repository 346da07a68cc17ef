"""Films of a run that was written as CamLogger writes it."""

from __future__ import annotations

import pytest

from camaug.film.choose_series import choose_series
from camaug.film.film import Film
from camaug.tensorboard.load_runs import load_runs
from tests.tensorboard.conftest import make_snapshot, write_run


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run of three snapshots of four images, the last of which has no label."""
    folder = tmp_path / "demo" / "version_0"
    write_run(folder, [make_snapshot(epoch) for epoch in range(3)])
    return folder


@pytest.fixture
def read_film():
    """Return a function that reads images of a run."""

    def read(run, probes) -> Film:
        source = load_runs(run)
        series = choose_series(source)
        return Film.read(source, series, source.snapshots(series), probes)

    return read
