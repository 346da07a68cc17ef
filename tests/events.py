"""Reading of TensorBoard's event files."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read_events(path: Path) -> EventAccumulator:
    """Return every image and scalar of an event file, or of a folder of event files."""
    return EventAccumulator(str(path), size_guidance={"images": 0, "scalars": 0}).Reload()


def read_only_writer(folder: Path) -> EventAccumulator:
    """Return the events of a folder, after a check that only one process wrote there."""
    (file,) = folder.glob("events*")
    return read_events(file)
