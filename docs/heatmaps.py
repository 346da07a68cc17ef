"""Makes the README's picture from a run's own event file: ``python docs/heatmaps.py runs/demo/version_0``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

GAP = 12


def main(run: str) -> None:
    """Set the overviews of the first, the third and the last epoch side by side."""
    events = EventAccumulator(run, size_guidance={"images": 0}).Reload().Images("cam/overview")
    chosen = [Image.open(io.BytesIO(events[step].encoded_image_string)) for step in (0, 2, -1)]
    width, height = chosen[0].size
    picture = Image.new("RGB", (3 * width + 2 * GAP, height), "white")
    for place, overview in enumerate(chosen):
        picture.paste(overview, (place * (width + GAP), 0))
    picture.thumbnail((1600, 1600))
    picture.quantize(256).save(Path(__file__).parent / "images" / "heatmaps.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
